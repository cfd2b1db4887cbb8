/* The keys of config.txt that fill pkt_settings: one table for reading, checking and writing. Private to the
 * settings files. */
#ifndef SIM_PACKET_SETTINGS_KEYS_H
#define SIM_PACKET_SETTINGS_KEYS_H

#include "sim/packet/settings.h"

#include <stddef.h>

typedef enum pkt_key_kind {
  PKT_KEY_SWITCH,  /* bool: 0 or 1 */
  PKT_KEY_INTEGER, /* int64_t; a decimal is cut: "5290.0" */
  PKT_KEY_RATE,    /* int64_t bit/s: "615Mb/s" */
  PKT_KEY_SECONDS, /* int64_t ns: "10" is 10^10 */
  PKT_KEY_REAL     /* double */
} pkt_key_kind;

typedef struct pkt_key {
  const char *name;
  pkt_key_kind kind;
  size_t offset;    /* in pkt_settings */
  int64_t min, max; /* of the stored value */
} pkt_key;

/* Keys that are accepted with one value only, written as they stand. */
typedef struct pkt_fixed_key {
  const char *name;
  double value;
  int n_values; /* all equal to it */
} pkt_fixed_key;

enum { PKT_N_FIXED_KEYS = 8 };
extern const pkt_fixed_key pkt_fixed_keys[PKT_N_FIXED_KEYS];

enum { PKT_N_KEYS = 30 };
extern const pkt_key pkt_keys[PKT_N_KEYS];

#endif
