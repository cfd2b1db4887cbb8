/* The layout of the custom scalars tab: which tags share a chart. Knows the writer. */
#include "train/tfevents/writer_internal.h"

#include <errno.h>
#include <stdlib.h>

enum { DT_STRING = 7 };

/* The layout as a string tensor of the custom_scalars plugin. */
static void put_layout(tfe_writer *writer, const Tfe__Layout *layout) {
  size_t length = tfe__layout__get_packed_size(layout);
  unsigned char *packed = malloc(length ? length : 1);
  if (!packed) {
    tfe_fail(writer, ENOMEM);
    return;
  }
  tfe__layout__pack(layout, packed);
  ProtobufCBinaryData text = {.len = length, .data = packed};
  Tfe__TensorShape shape = TFE__TENSOR_SHAPE__INIT;
  Tfe__Tensor tensor = TFE__TENSOR__INIT;
  Tfe__SummaryMetadata metadata = TFE__SUMMARY_METADATA__INIT;
  Tfe__PluginData plugin = TFE__PLUGIN_DATA__INIT;
  Tfe__Summary__Value entry = TFE__SUMMARY__VALUE__INIT;
  tensor.dtype = DT_STRING;
  tensor.tensor_shape = &shape;
  tensor.n_string_val = 1;
  tensor.string_val = &text;
  tfe_set_plugin(&entry, &metadata, &plugin, "custom_scalars");
  metadata.data_class = TFE__SUMMARY_METADATA__DATA_CLASS__TENSOR;
  entry.tag = (char *)"custom_scalars__config__";
  entry.value_case = TFE__SUMMARY__VALUE__VALUE_TENSOR;
  entry.tensor = &tensor;
  tfe_put_value(writer, 0, &entry);
  free(packed);
}

void tfe_layout(tfe_writer *writer, const char *title, const tfe_chart *charts, size_t count) {
  Tfe__Chart *messages = calloc(count + 1, sizeof *messages);
  Tfe__Chart **list = calloc(count + 1, sizeof *list);
  Tfe__Multiline *lines = calloc(count + 1, sizeof *lines);
  if (messages && list && lines) {
    for (size_t i = 0; i < count; ++i) {
      tfe__chart__init(&messages[i]);
      tfe__multiline__init(&lines[i]);
      while (lines[i].n_tag < TFE_CHART_TAGS && charts[i].tags[lines[i].n_tag]) ++lines[i].n_tag;
      lines[i].tag = (char **)charts[i].tags;
      messages[i].title = (char *)charts[i].title;
      messages[i].multiline = &lines[i];
      list[i] = &messages[i];
    }
    Tfe__Category category = TFE__CATEGORY__INIT, *categories[1] = {&category};
    Tfe__Layout layout = TFE__LAYOUT__INIT;
    category.title = (char *)title;
    category.n_chart = count;
    category.chart = list;
    layout.n_category = 1;
    layout.category = categories;
    put_layout(writer, &layout);
  } else {
    tfe_fail(writer, ENOMEM);
  }
  free(messages);
  free(list);
  free(lines);
}
