/* Names in a pickle and what is made of them: the only place where a pickle could ask for more than values.
 */
#include "data/pickle/machine.h"

#include "base/text.h"

#include <string.h>

enum { MAX_NAME_BYTES = 256 };

static m4_status refuse_name(ds_machine *m, const char *name) {
  char shown[MAX_NAME_BYTES];
  m4_text_show(shown, sizeof shown, name);
  m4_status status = m4_fail(m->err, M4_DATA, NULL,
                             "pickle, byte %zu: refers to \"%s\", which is not allowed", m->opcode_at, shown);
  return m->rules->hint ? m4_hint(m->err, status, "%s", m->rules->hint) : status;
}

static m4_status push_name(ds_machine *m, const char *module, size_t module_bytes, const char *name,
                           size_t name_bytes) {
  if (module_bytes + name_bytes + 2 > MAX_NAME_BYTES) return ds_machine_damaged(m, "a name that is too long");
  char *full = m4_arena_calloc(m->arena, module_bytes + name_bytes + 2, 1);
  if (!full) return ds_machine_no_memory(m);
  memcpy(full, module, module_bytes);
  full[module_bytes] = ' ';
  memcpy(full + module_bytes + 1, name, name_bytes);
  ds_pickle_role role = m->rules->role_of(full);
  if (role == DS_ROLE_REFUSED) return refuse_name(m, full);
  M4_TRY(ds_machine_push_new(m, DS_PICKLE_NAME));
  ds_machine_top(m)->name = full;
  ds_machine_top(m)->role = role;
  return M4_OK;
}

m4_status ds_machine_name_from_lines(ds_machine *m) {
  const char *module = NULL, *name = NULL;
  size_t module_bytes = 0, name_bytes = 0;
  M4_TRY(ds_machine_take_line(m, &module, &module_bytes));
  M4_TRY(ds_machine_take_line(m, &name, &name_bytes));
  return push_name(m, module, module_bytes, name, name_bytes);
}

m4_status ds_machine_name_from_stack(ds_machine *m) {
  ds_pickle_value *module = NULL, *name = NULL;
  M4_TRY(ds_machine_need(m, 2));
  M4_TRY(ds_machine_pop(m, &name));
  M4_TRY(ds_machine_pop(m, &module));
  if (module->kind != DS_PICKLE_TEXT || name->kind != DS_PICKLE_TEXT)
    return ds_machine_damaged(m, "a name that is no text");
  return push_name(m, module->text, strlen(module->text), name->text, strlen(name->text));
}

static m4_status push_call(ds_machine *m, const char *name, const ds_pickle_value *arguments) {
  M4_TRY(ds_machine_push_new(m, DS_PICKLE_CALL));
  ds_pickle_value *value = ds_machine_top(m);
  value->name = name;
  value->items = arguments->items;
  value->n_items = arguments->n_items;
  return M4_OK;
}

m4_status ds_machine_call(ds_machine *m, bool new_object) {
  ds_pickle_value *arguments = NULL, *callee = NULL;
  M4_TRY(ds_machine_need(m, 2));
  M4_TRY(ds_machine_pop(m, &arguments));
  M4_TRY(ds_machine_pop(m, &callee));
  if (callee->kind != DS_PICKLE_NAME || arguments->kind != DS_PICKLE_TUPLE)
    return ds_machine_damaged(m, "a call of something that is no known name");
  bool empty = arguments->n_items == 0;
  if (callee->role == DS_ROLE_OBJECT && empty) return ds_machine_push_new(m, DS_PICKLE_OBJECT);
  if (callee->role == DS_ROLE_DICT && empty && !new_object) return ds_machine_push_new(m, DS_PICKLE_DICT);
  if (callee->role == DS_ROLE_CALL && !new_object) return push_call(m, callee->name, arguments);
  if (callee->role == DS_ROLE_FIRST && !empty && !new_object)
    return ds_machine_push(m, (ds_pickle_value *)arguments->items[0]);
  return ds_machine_damaged(m, "a call with arguments that are not allowed");
}

/* The attributes of an object, the state of a call. Those of a dict (torch's _metadata) are of no interest.
 */
m4_status ds_machine_build(ds_machine *m) {
  ds_pickle_value *attributes = NULL;
  M4_TRY(ds_machine_need(m, 2));
  M4_TRY(ds_machine_pop(m, &attributes));
  ds_pickle_value *object = ds_machine_top(m);
  if (object->kind == DS_PICKLE_DICT) return M4_OK;
  if (object->kind == DS_PICKLE_CALL && !object->state) {
    object->state = attributes;
    return M4_OK;
  }
  if (object->kind != DS_PICKLE_OBJECT || attributes->kind != DS_PICKLE_DICT || object->n_items > 0)
    return ds_machine_damaged(m, "attributes that are not allowed");
  object->items = attributes->items;
  object->n_items = attributes->n_items;
  object->capacity = 0; /* a later item moves them: the dict keeps its own */
  return M4_OK;
}

m4_status ds_machine_persistent(ds_machine *m) {
  ds_pickle_value *id = NULL, *value = NULL;
  if (!m->rules->persistent) return ds_machine_damaged(m, "a persistent value is not allowed here");
  M4_TRY(ds_machine_pop(m, &id));
  M4_TRY(ds_machine_new(m, DS_PICKLE_PERSISTENT, &value));
  value->items = m4_arena_alloc(m->arena, 1, sizeof *value->items);
  if (!value->items) return ds_machine_no_memory(m);
  value->items[0] = id;
  value->n_items = 1;
  return ds_machine_push(m, value);
}
