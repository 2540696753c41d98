#include "rr/journal_stock.h"

void journal_stock_init(struct journal_stock *stock)
{
	*stock = (struct journal_stock){ .ready = NULL };
	pthread_mutex_init(&stock->mutex, NULL);
}

static void free_list(struct journal_history_chunk *chunk)
{
	struct journal_history_chunk *next;

	for (; chunk != NULL; chunk = next) {
		next = chunk->next;
		journal_history_chunk_free(chunk);
	}
}

void journal_stock_destroy(struct journal_stock *stock)
{
	free_list(stock->ready);
	pthread_mutex_destroy(&stock->mutex);
}

/* With the mutex held, as those below. */
static struct journal_history_chunk *pop(struct journal_stock *stock)
{
	struct journal_history_chunk *chunk = stock->ready;

	if (chunk == NULL)
		return NULL;
	stock->ready = chunk->next;
	stock->n_ready--;
	return chunk;
}

static void push(struct journal_stock *stock, struct journal_history_chunk *chunk)
{
	chunk->next = stock->ready;
	stock->ready = chunk;
	stock->n_ready++;
}

struct journal_history_chunk *journal_stock_take(struct journal_stock *stock, bool burst)
{
	struct journal_history_chunk *chunk;

	pthread_mutex_lock(&stock->mutex);
	chunk = pop(stock);
	if (burst)
		stock->burst = true;
	pthread_mutex_unlock(&stock->mutex);
	if (chunk != NULL)
		memset(chunk, 0, offsetof(struct journal_history_chunk, bytes));
	return chunk;
}

void journal_stock_put(struct journal_stock *stock, struct journal_history_chunk *chunk)
{
	pthread_mutex_lock(&stock->mutex);
	push(stock, chunk);
	pthread_mutex_unlock(&stock->mutex);
}

void journal_stock_rest(struct journal_stock *stock)
{
	pthread_mutex_lock(&stock->mutex);
	stock->burst = false;
	pthread_mutex_unlock(&stock->mutex);
}

size_t journal_stock_memory(struct journal_stock *stock)
{
	size_t bytes;

	pthread_mutex_lock(&stock->mutex);
	bytes = stock->n_ready * sizeof(struct journal_history_chunk);
	pthread_mutex_unlock(&stock->mutex);
	return bytes;
}

/* What is ready beyond the number there should be. */
static struct journal_history_chunk *take_surplus(struct journal_stock *stock)
{
	unsigned most = stock->burst ? JOURNAL_STOCK_MAX : JOURNAL_STOCK_REST;
	struct journal_history_chunk *surplus = NULL;

	while (stock->n_ready > most) {
		struct journal_history_chunk *chunk = pop(stock);

		chunk->next = surplus;
		surplus = chunk;
	}
	return surplus;
}

void journal_stock_tend(struct journal_stock *stock)
{
	struct journal_history_chunk *chunk;

	pthread_mutex_lock(&stock->mutex);
	chunk = take_surplus(stock);
	while (chunk == NULL && stock->burst && stock->n_ready < JOURNAL_STOCK_MAX) {
		pthread_mutex_unlock(&stock->mutex);
		chunk = journal_history_chunk_new(true);
		pthread_mutex_lock(&stock->mutex);
		if (chunk == NULL)
			break;
		push(stock, chunk);
		chunk = NULL;
	}
	pthread_mutex_unlock(&stock->mutex);
	free_list(chunk);
}
