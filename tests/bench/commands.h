/*
 * The commands of the script, by what they work on: sessions (command_session.c), routes
 * (command_route.c), reports (command_report.c), measurements (command_measure.c). commands.c holds
 * the table. Each is called by script.c with the words behind its name.
 */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

#include "tests/bench/script.h"

/* For each speaker selected, with `i` its index. */
#define FOR_SELECTED(selection, i) for (uint32_t i = (selection).first; i <= (selection).last; i++)

enum outcome run_target(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_peers(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_announce(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_withdraw(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_churn(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_flap(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_connect(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_listen(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_close(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_pause(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_resume(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_refresh(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_mrt(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_mrt_updates(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_mrt_peers(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_check(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_dump(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_show(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_synthesize(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_mark(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_probe(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome run_stats(struct script *script, char **words, size_t n_words, FILE *reply);

#endif
