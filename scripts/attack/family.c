// Makes the smallest family that still reaches every call: models of a Llama's shape with two blocks of width 32,
// each in three shards, and what some methods read beside them, under the names that `sluice demo` gives it.
//
//   family DIRECTORY
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { hidden = 32, wide = 48, words = 40, blocks = 2, shards = 3, limit = 64 };
struct tensor { char name[64]; int rows, columns, linear; };
static struct tensor tensors[limit];
static int tensor_count;

static uint64_t state;
// From -1 to 1.
static double draw(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (double)(int64_t)state / 9223372036854775808.0;
}

static void add(const char *name, int rows, int columns, int linear) {
  struct tensor *tensor = &tensors[tensor_count++];
  snprintf(tensor->name, sizeof tensor->name, "%s.weight", name);
  tensor->rows = rows;
  tensor->columns = columns;
  tensor->linear = linear;
}

static FILE *begin(const char *directory, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "wb");
  if (!file) { perror(path); exit(74); }
  return file;
}

static void end(FILE *file) { if (fclose(file) != 0) { perror("family"); exit(74); } }

// A safetensors file: the header, after which the caller writes the numbers.
static FILE *safetensors(const char *directory, const char *name, const char *entries) {
  FILE *file = begin(directory, name);
  uint64_t length = strlen(entries) + 2;
  fwrite(&length, 8, 1, file);
  fprintf(file, "{%s}", entries);
  return file;
}

static size_t entry(char *text, size_t used, const char *name, const char *type, int rows, int columns, size_t *offset, size_t width) {
  size_t count = (size_t)(rows ? rows : 1) * (size_t)columns * width;
  char shape[32];
  if (rows) snprintf(shape, sizeof shape, "[%d,%d]", rows, columns);
  else snprintf(shape, sizeof shape, "[%d]", columns);
  used += (size_t)sprintf(
      text + used, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
      used ? "," : "", name, type, shape, *offset, *offset + count);
  *offset += count;
  return used;
}

// The base's weights are the same in every model; number 0 adds nothing.
static void model(const char *directory, int number) {
  static char text[1 << 16], index[1 << 16], name[64];
  mkdir(directory, 0777);
  FILE *config = begin(directory, "config.json");
  fprintf(config, "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"hidden_size\": %d,"
    " \"intermediate_size\": %d, \"vocab_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": 4,"
    " \"num_key_value_heads\": 2, \"torch_dtype\": \"bfloat16\"}\n", hidden, wide, words, blocks);
  end(config);
  size_t used = 0;
  for (int shard = 0; shard < shards; shard++) {
    size_t offset = 0, length = 0;
    int first = shard * tensor_count / shards, last = (shard + 1) * tensor_count / shards;
    snprintf(name, sizeof name, "model-0000%d-of-0000%d.safetensors", shard + 1, shards);
    for (int i = first; i < last; i++) {
      length = entry(text, length, tensors[i].name, "BF16", tensors[i].rows, tensors[i].columns, &offset, 2);
      used += (size_t)sprintf(index + used, "%s\"%s\":\"%s\"", used ? "," : "", tensors[i].name, name);
    }
    FILE *file = safetensors(directory, name, text);
    for (int i = first; i < last; i++) {
      int count = (tensors[i].rows ? tensors[i].rows : 1) * tensors[i].columns;
      for (int element = 0; element < count; element++) {
        state = 0x9e3779b97f4a7c15u * (uint64_t)(i * 65536 + element + 1);
        draw();
        float value = (float)(0.1 * draw());
        for (int skip = 0; skip < number; skip++) draw();
        double tail = draw();
        if (number) value += (float)(0.02 * tail * tail * tail * (1 + i % 4));
        uint32_t bits;
        memcpy(&bits, &value, 4);
        uint16_t half = (uint16_t)(bits >> 16);
        fwrite(&half, 2, 1, file);
      }
    }
    end(file);
  }
  FILE *file = begin(directory, "model.safetensors.index.json");
  fprintf(file, "{\"metadata\": {}, \"weight_map\": {%s}}\n", index);
  end(file);
}

// Norms of inputs and Gram matrices of inputs that are independent but for their means.
static void inputs(const char *directory, const char *model, int number) {
  static char text[1 << 16], name[64];
  static double gram[wide][wide], mean[wide];
  for (int matrices = 0; matrices < 2; matrices++) {
    size_t offset = 0, length = 0;
    for (int i = 0; i < tensor_count; i++) {
      if (!tensors[i].linear) continue;
      int columns = tensors[i].columns;
      length = entry(text, length, tensors[i].name, matrices ? "F64" : "F32", matrices ? columns : 0, columns, &offset, matrices ? 8 : 4);
    }
    snprintf(name, sizeof name, "%s-%s.safetensors", model, matrices ? "grams" : "activations");
    FILE *file = safetensors(directory, name, text);
    for (int i = 0; i < tensor_count; i++) {
      if (!tensors[i].linear) continue;
      int columns = tensors[i].columns;
      state = 0x9e3779b97f4a7c15u * (uint64_t)(1000 * number + i + 1);
      for (int row = 0; row < columns; row++) mean[row] = 0.3 * draw();
      for (int row = 0; row < columns; row++) {
        for (int column = 0; column < columns; column++) gram[row][column] = mean[row] * mean[column];
        gram[row][row] += 1 + 0.5 * draw();
        float norm = (float)sqrt(gram[row][row]);
        if (matrices) fwrite(gram[row], 8, (size_t)columns, file);
        else fwrite(&norm, 4, 1, file);
      }
    }
    end(file);
  }
}

// A LoRA adapter of rank 4 for all linear layers.
static void adapter(const char *directory) {
  static char text[1 << 16], name[160];
  enum { rank = 4 };
  mkdir(directory, 0777);
  FILE *config = begin(directory, "adapter_config.json");
  fprintf(config, "{\"peft_type\": \"LORA\", \"r\": %d, \"lora_alpha\": %d, \"bias\": \"none\", \"target_modules\":"
    " [\"q_proj\", \"k_proj\", \"v_proj\", \"o_proj\", \"gate_proj\", \"up_proj\", \"down_proj\"]}\n", rank, 2 * rank);
  end(config);
  size_t offset = 0, length = 0, count = 0;
  for (int i = 0; i < tensor_count; i++) {
    if (!tensors[i].linear) continue;
    int stem = (int)(strlen(tensors[i].name) - strlen(".weight"));
    snprintf(name, sizeof name, "base_model.model.%.*s.lora_A.weight", stem, tensors[i].name);
    length = entry(text, length, name, "F32", rank, tensors[i].columns, &offset, 4);
    snprintf(name, sizeof name, "base_model.model.%.*s.lora_B.weight", stem, tensors[i].name);
    length = entry(text, length, name, "F32", tensors[i].rows, rank, &offset, 4);
  }
  FILE *file = safetensors(directory, "adapter_model.safetensors", text);
  state = 7;
  for (count = offset / 4; count > 0; count--) {
    float value = (float)(0.1 * draw());
    fwrite(&value, 4, 1, file);
  }
  end(file);
}

int main(int count, char **words_) {
  static const char *const names[] = {"base", "math", "law"};
  char path[2048], name[48];
  if (count != 2) return 64;
  add("model.embed_tokens", words, hidden, 0);
  for (int block = 0; block < blocks; block++) {
    static const struct { const char *name; int rows, columns, linear; } parts[] = {
      {"self_attn.q_proj", hidden, hidden, 1}, {"self_attn.k_proj", hidden / 2, hidden, 1},
      {"self_attn.v_proj", hidden / 2, hidden, 1}, {"self_attn.o_proj", hidden, hidden, 1},
      {"mlp.gate_proj", wide, hidden, 1}, {"mlp.up_proj", wide, hidden, 1}, {"mlp.down_proj", hidden, wide, 1},
      {"input_layernorm", 0, hidden, 0}, {"post_attention_layernorm", 0, hidden, 0},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
      snprintf(name, sizeof name, "model.layers.%d.%s", block, parts[i].name);
      add(name, parts[i].rows, parts[i].columns, parts[i].linear);
    }
  }
  add("model.norm", 0, hidden, 0);
  add("lm_head", words, hidden, 0);
  mkdir(words_[1], 0777);
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", words_[1], names[i]);
    model(path, i);
  }
  snprintf(path, sizeof path, "%s/files", words_[1]);
  mkdir(path, 0777);
  inputs(path, "math", 1);
  inputs(path, "law", 2);
  snprintf(path, sizeof path, "%s/adapter", words_[1]);
  adapter(path);
  return 0;
}
