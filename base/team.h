/* Short tasks of a few microseconds shared between one leader and whoever happens to be idle. A pool
 * (threads.h) hands out whole samples or scenarios; when it has threads left over they join a team, and the
 * leader shares every matrix product with them. Knows threads only.
 * As with the pool, results must not depend on who runs a part. */
#ifndef M4_BASE_TEAM_H
#define M4_BASE_TEAM_H

#include "base/threads.h"

typedef struct m4_team m4_team;
typedef void (*m4_part_fn)(void *arg, int part);

m4_status m4_team_create(m4_team **team, m4_error *err);
void m4_team_free(m4_team *team); /* NULL accepted; nobody leads or helps any more */

/* Runs fn(arg) once as the leader; idle threads of the pool help until it returns. The pool may be NULL. */
void m4_team_lead(m4_team *team, m4_pool *pool, void (*fn)(void *arg), void *arg);

/* For the leader. Helpers of this moment: they come and go, so this may choose speed, never results. */
int m4_team_helpers(m4_team *team);
/* Runs fn for part 0 .. n_parts-1 (at most 65535); returns when all are done. fn must not call it. Helpers
 * spin for some 50 microseconds before they sleep, so tasks that follow each other closely cost about one
 * microsecond each. NULL team: runs serially. */
void m4_team_run(m4_team *team, int n_parts, m4_part_fn fn, void *arg);

#endif
