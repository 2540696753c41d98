/*
 * One path as text and as JSON. Called by show_routes.c for each path of a walk, and for paths of
 * the past by history.c; it renders what the view holds, attribute by attribute, and keeps nothing.
 * `advertised` says that the path is shown as it is sent to a peer.
 */
#ifndef MGMT_ROUTE_H
#define MGMT_ROUTE_H

#include "mgmt/json.h"
#include "mgmt/table.h"
#include "rib/rib.h"

extern const struct table_column route_columns[];
extern const size_t route_columns_count;

/* True when the path carries LLGR_STALE (RFC 9494), by our hand or another's. */
bool route_long_lived_stale(const struct rib_path_view *path);
/* One row of a table with route_columns. */
void route_row(struct table *table, const struct rib_path_view *path, bool advertised);
/* A block of lines with every attribute. */
void route_block(struct output *out, const struct rib_path_view *path, bool advertised);
void route_json(struct json *json, const struct rib_path_view *path, bool advertised);

/*
 * Parts of these: what does not say which prefix and peer it is. They want path_id, keys (next hop,
 * origin, local_pref) and attributes of the view; cells want peer_address too.
 */
#define ROUTE_CELLS 7
/* The cells of a row from the path ID on. */
void route_cells(struct table *table, const struct rib_path_view *path, bool advertised);
void route_block_attributes(struct output *out, const struct rib_path_view *path, bool advertised);
/* Keys and values within an object. */
void route_json_attributes(struct json *json, const struct rib_path_view *path, bool advertised);

#endif
