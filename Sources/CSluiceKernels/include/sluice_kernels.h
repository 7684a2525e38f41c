// The arithmetic kernels of sluice: one table of functions for each instruction set.
//
// Every table computes the same bits. Raw tensor bytes may start at any address; float buffers,
// keep words and tables must be aligned as their element type asks (64 bytes is fastest).
// Bytes in files are little-endian, and so must be the machine.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// The element types that kernels read and write.
typedef enum {
  SLUICE_F16 = 0,
  SLUICE_BF16 = 1,
  SLUICE_F32 = 2,
  SLUICE_F64 = 3,
} sluice_dtype;

// What happens to elements whose magnitude is exactly the threshold.
typedef enum {
  SLUICE_TIES_SPREAD = 0,    // tie number j stays iff bitrev32(j) < limit
  SLUICE_TIES_INDEX = 1,     // tie number j stays iff j < limit
  SLUICE_TIES_DROP_ALL = 2,  // none stays
  SLUICE_TIES_KEEP_ALL = 3,  // all stay
} sluice_tie_rule;

// One cut through a tensor, and how many tied elements were seen so far.
typedef struct {
  uint32_t threshold;  // bits of |delta| at the cut, above 0 and below 2^31
  sluice_tie_rule rule;
  uint64_t limit;
  uint64_t next;  // number of the next tied element, in index order
} sluice_tie_cursor;

// The sign that is elected where the deltas add up to zero.
typedef enum {
  SLUICE_ZERO_POSITIVE = 0,
  SLUICE_ZERO_NEGATIVE = 1,
  SLUICE_ZERO_DROPS = 2,  // none: the merged delta is zero
} sluice_zero_sign;

// What becomes of the deltas that have the elected sign.
typedef enum {
  SLUICE_MEAN = 0,           // their sum by their number
  SLUICE_SUM = 1,            // their sum
  SLUICE_WEIGHTED_MEAN = 2,  // their sum by the sum of their models' weights, unless that is 0
  SLUICE_SCALED_SUM = 3,     // the sum of weight * delta
} sluice_aggregation;

// What a code of packed weights stands for; codes of half a byte lie in pairs, the lower half first.
typedef enum {
  SLUICE_E4M3 = 0,  // a byte: 4 bits of exponent, 3 of fraction
  SLUICE_E2M1 = 1,  // half a byte: 2 bits of exponent, 1 of fraction
  SLUICE_INT4 = 2,  // half a byte: an integer plus 8
} sluice_code;

// How numbers are taken apart for a Rice code.
typedef struct {
  uint8_t shift;    // how many lower bits are there as they are, 0 to 7
  bool is_pair;     // numbers are of two bytes
  bool is_folded;   // those just below zero, modulo the width, follow those just above
  uint16_t offset;  // the number that counts as zero
} sluice_rice;

// What a histogram saw beside its table.
typedef struct {
  size_t length;      // how many elements were listed
  uint32_t largest;   // the largest bit pattern of a magnitude
  uint32_t smallest;  // the smallest that is not zero; 2^31 if all are
} sluice_counted;

// Magnitudes with lower bits, smallest first, and how many there are of each.
typedef struct {
  const uint32_t *_Nullable bits;
  const uint32_t *_Nullable counts;
  size_t count;
} sluice_listed;

// The columns of a panel: how the right factor of a product lies.
enum { SLUICE_PANEL_COLUMNS = 32 };

// What a product of two factors is made of. Of the left one, row i begins at `i * left_stride` and has
// `rank` elements. The right one lies in panels: panel p holds, for each of `rank` rows, the columns
// from `32 p` on, always 32 of them.
typedef struct {
  const float *left;
  size_t left_stride;
  const float *panels;
  size_t rank;
  float *out;  // the first element that is computed
  size_t out_stride;
  size_t row_count;
  size_t first_column;
  size_t column_count;
  float scale;
  bool continues;  // begins with what is there, not with 0
  bool scales;     // multiplies by the scale at the end
  bool fused;      // one rounding for a product and its sum
} sluice_product;

// One operation on each element, `b` being a number or an element of another run.
typedef enum {
  SLUICE_STEP_ROUND = 0,         // a
  SLUICE_STEP_ADD = 1,           // a + b
  SLUICE_STEP_SUBTRACT = 2,      // a - b
  SLUICE_STEP_MULTIPLY = 3,      // a * b
  SLUICE_STEP_DIVIDE = 4,        // a / b
  SLUICE_STEP_DIVIDE_INTO = 5,   // b / a
  SLUICE_STEP_FUSED = 6,         // a * b plus what is there, rounded once
  SLUICE_STEP_MAGNITUDE = 7,     // |a|
  SLUICE_STEP_AT_LEAST = 8,      // the larger of a and b
  SLUICE_STEP_AT_MOST = 9,       // the smaller of a and b
  SLUICE_STEP_UNLESS_ZERO = 10,  // a, or b where a is zero
  SLUICE_STEP_ABOVE = 11,        // a where |a| > b, else 0
  SLUICE_STEP_IS_ABOVE = 12,     // 1 where |a| > b, else 0
  SLUICE_STEP_REACHES = 13,      // 1 where a >= b, else 0
  SLUICE_STEP_AGREES = 14,       // 1 where a > 0 and b >= 0, or a < 0 and b < 0; else 0
  SLUICE_STEP_EXPONENTIAL = 15,  // e to the a
  SLUICE_STEP_LOGARITHM = 16,    // the natural logarithm of a
} sluice_step;

// Where the largest of a run of magnitudes end.
typedef struct {
  uint32_t threshold;  // bits of the smallest of them
  size_t above;        // how many elements are larger
  size_t tied;         // how many are as large
} sluice_row_cut;

// Which run of a histogram has one of its largest elements, how many are in it, and how many are larger.
typedef struct {
  size_t run;
  uint64_t count;
  uint64_t above;
} sluice_found_run;

// How two runs of numbers are alike.
typedef struct {
  double dot;     // the sum of the products
  uint64_t both;  // how many elements are zero in neither
  uint64_t same;  // how many of those have one sign
} sluice_comparison;

// Two of several runs.
typedef struct {
  uint32_t first;
  uint32_t second;
} sluice_pair;

// How many runs and pairs of them are compared at once, at most.
enum { SLUICE_RUNS = 16, SLUICE_PAIRS = 64 };

// How many values are few, at most: a network of comparisons sorts them.
enum { SLUICE_FEW = 256 };

// The kernels of one instruction set. Counts are in elements.
typedef struct {
  // Float32 of each element; the largest bit pattern of a magnitude.
  uint32_t (*widen)(const void *raw, sluice_dtype dtype, float *out, size_t count);
  // Float32 of each element minus the base; the largest bit pattern of a magnitude.
  uint32_t (*delta)(const void *raw, sluice_dtype dtype, const float *base, float *out,
                    size_t count);
  // The same, with the base's elements as they lie in their file, of the same type.
  uint32_t (*difference)(const void *raw, const void *base, sluice_dtype dtype, float *out,
                         size_t count);
  // Counts of the upper bits, for a shift of 15 (two counters per bin, side by side) or 12 (one);
  // elements with lower bits are also listed.
  sluice_counted (*histogram)(const float *delta, size_t count, unsigned shift, uint32_t *table,
                              uint32_t *side);
  // The same of the differences of two runs of F16 or BF16, which are not kept.
  sluice_counted (*difference_histogram)(const void *tuned, const void *base, sluice_dtype dtype,
                                         size_t count, unsigned shift, uint32_t *table,
                                         uint32_t *side);
  // The values that differ of at most `SLUICE_FEW`, smallest first, and how often each is there; how many. They may be
  // written over the values, which are below 2^31.
  size_t (*count_few)(const uint32_t *values, size_t count, uint32_t *bits, uint32_t *counts);
  // Takes what was counted of bins out of a table: the first pattern of each that was met, smallest first, and how
  // often; and among them those that are listed, all of these bins, which the table counts, too. Returns how many. The
  // bins are cleared. There is room for 16 more at the end.
  size_t (*drain_histogram)(uint32_t *table, unsigned shift, size_t start, size_t end,
                            sluice_listed listed, uint32_t *bits, uint64_t *counts);
  // Per upper 16 bits: count in the upper 24 bits, sum of the lower 15 bits in the lower 40.
  void (*binned_histogram)(const float *delta, size_t count, uint64_t *table);
  // Counts of the lower 15 bits, for elements whose upper bits are one of the keys.
  void (*collect)(const float *delta, size_t count, const uint32_t *keys, size_t key_count,
                  uint32_t *tables);
  // Keep words of one cut, least significant bit first; how many elements stay.
  size_t (*select)(const float *delta, size_t count, sluice_tie_cursor *cursor, uint64_t *keep);
  // Where the `kept` largest magnitudes end; there are as many, and at least one. A good guess of the bits is faster.
  sluice_row_cut (*cut_row)(const float *values, size_t count, size_t kept, uint32_t guess);
  // +0 wherever a magnitude does not reach some bits, which are below 2^31.
  void (*keep_reaching)(float *values, size_t count, uint32_t bits);
  // +0 wherever the keep bit is off.
  void (*apply_mask)(float *values, size_t count, const uint64_t *keep);
  // Times the factor of the first partition that holds the element.
  void (*amplify)(float *values, size_t count,
                  const uint64_t *_Nonnull const *_Nonnull partitions, const float *factors,
                  size_t partition_count);
  // Both in one: times the factor of the first partition that holds the element, or else +0.
  void (*prune)(float *values, size_t count, const uint64_t *_Nonnull const *_Nonnull partitions,
                const float *factors, size_t partition_count);
  // Keep words of several cuts, as `select` has them; and each element times the factor of the first cut that keeps
  // it, or else +0.
  void (*select_and_prune)(float *values, size_t count, sluice_tie_cursor *cursors,
                           const float *factors, size_t cut_count,
                           uint64_t *_Nonnull const *_Nonnull keep);
  // Times a factor.
  void (*scale)(float *values, size_t count, float factor);
  // Sign election and mean of the agreeing deltas. The output may be one of the inputs.
  void (*merge_ties)(const float *_Nonnull const *_Nonnull deltas, size_t model_count,
                     size_t count, float *out);
  // Sum in model order. The output may be one of the inputs.
  void (*merge_sum)(const float *_Nonnull const *_Nonnull deltas, size_t model_count,
                    size_t count, float *out);
  // Sum in model order, divided by the number of models. The output may be one of the inputs.
  void (*merge_mean)(const float *_Nonnull const *_Nonnull deltas, size_t model_count,
                     size_t count, float *out);
  // Base + scale * merged, rounded to the element type; the largest rounded magnitude.
  uint32_t (*finish)(const float *base, const float *merged, float scale, void *raw,
                     sluice_dtype dtype, size_t count);
  // A number below 2^24 for each element from `first` on.
  void (*draw)(uint64_t start, uint64_t first, size_t count, uint32_t *draws);
  // Keep words of the elements whose number, as `draw` has it, reaches a limit, for each limit.
  void (*keep_drawn)(uint64_t start, uint64_t first, size_t count, const uint32_t *limits,
                     size_t limit_count, uint64_t *_Nonnull const *_Nonnull keep);
  // Sign election, and one delta of those that have the elected sign. Without weights where the
  // aggregation needs none. The output may be one of the inputs.
  void (*merge_elected)(const float *_Nonnull const *_Nonnull deltas,
                        const float *_Nullable weights, size_t model_count, sluice_zero_sign zero,
                        sluice_aggregation aggregation, size_t count, float *out);
  // How many more sums of deltas are positive than negative.
  int64_t (*count_signs)(const float *_Nonnull const *_Nonnull deltas, size_t model_count,
                         size_t count);
  // Of the kept elements, the zigzag of the pattern minus the base's, and the class of the base's
  // exponent; how many there are. The type is F16, BF16 or F32.
  size_t (*pack)(const void *tuned, const void *base, sluice_dtype dtype, const uint64_t *keep,
                 size_t count, uint32_t *codes, uint8_t *classes);
  // The bytes of codes of a width, sorted by class: plane after plane, least significant first.
  void (*split)(const uint32_t *codes, const uint8_t *classes, size_t count, size_t width,
                uint32_t *class_counts, uint8_t *planes);
  // The base's elements with the kept ones changed back; positions move on, class by class. False if
  // a class has fewer codes than the base asks for. 64 bytes behind the planes can be read.
  bool (*unpack)(const void *base, sluice_dtype dtype, const uint64_t *keep, size_t count,
                 const uint8_t *planes, size_t plane_length, uint32_t *positions,
                 const uint32_t *ends, void *out);
  // Sums of products, in the order of the rank.
  void (*product)(const sluice_product *product);
  // Adds the square of each element to the sum of its number modulo 16.
  void (*square_sums)(const float *values, size_t count, double *sums);
  // Float32 of codes, times the scale of their block. The first code is at a position of its line, in the
  // byte that is given; blocks begin at multiples of their length, and the scales with the first code's.
  void (*decode)(const uint8_t *codes, sluice_code code, size_t first, size_t count,
                 const float *scales, size_t block, float *out);
  // How two runs are alike; both may be the same.
  void (*compare)(const float *a, const float *b, size_t count, sluice_comparison *out);
  // The same of each of several runs and itself, then of pairs of them; added to what there is.
  void (*compare_runs)(const float *_Nonnull const *_Nonnull runs, size_t run_count, const sluice_pair *pairs,
                       size_t pair_count, size_t count, sluice_comparison *out);
  // One operation on each element, rounded to a type; with a number where there is no second run. The
  // output may be one of the inputs. The largest bit pattern of a magnitude.
  uint32_t (*take_step)(sluice_step step, sluice_dtype dtype, const float *a,
                        const float *_Nullable b, float number, float *out, size_t count);
  // Adds the product of each element with another run's, or the element itself, to the sum of its number
  // modulo 16.
  void (*add_products)(const float *a, const float *_Nullable b, size_t count, double *sums);
  // The sum of products of two runs, in eight interleaved sums.
  double (*thin_dot)(const double *a, const double *b, size_t count);
  // y += factor * x.
  void (*thin_add)(double factor, const double *x, double *y, size_t count);
  // The sums of products of each row with each of the first of `width` directions, which lie in panels as right
  // factors of products do. Rows begin `stride` elements after each other, and have `width` sums each.
  void (*thin_project)(const float *values, size_t stride, size_t row_count, const float *panels,
                       size_t count, size_t width, size_t direction_count, double *sums);
  // The lower half of a square += the products with themselves of those rows of a matrix, `width` numbers each,
  // whose elements are not zero.
  void (*thin_gram)(const float *values, const double *matrix, size_t count, size_t width,
                    double *square);
  // Replaces the lower half of a symmetric square by its Cholesky factor; where less than a share of the diagonal is
  // left, the pivot is infinite. What is above is not said. There is room for a diagonal.
  void (*thin_factorise)(double *square, size_t width, double least_share, double *diagonal);
  // Each element that is not zero += another.
  void (*thin_correct)(float *values, const float *added, size_t count);
  // The sum of an element of each run times the run's share, and of what is there if it goes on.
  void (*thin_blend)(const float *_Nonnull const *_Nonnull runs, const double *shares,
                     size_t run_count, size_t first, size_t count, float *out, bool continues);
  // Adds how many numbers have a magnitude in each power of two: the first is that of an exponent with its bias, and
  // holds smaller ones, too; the last holds larger ones. Zero, and what is too small for an exponent, is in none.
  void (*count_sizes)(const float *values, size_t count, uint32_t first_exponent,
                      uint32_t class_count, uint32_t *counts);
  // The code that is shortest for a sample: of bytes; or of pairs, as such or as upper bytes only.
  sluice_rice (*rice_choose)(const uint8_t *low, const uint8_t *_Nullable high, size_t count);
  // Writes a code, and returns its bytes; 0 if there were more than `room`. There is a word more at the end, and there
  // are as many quotients as numbers, and a word more.
  size_t (*rice_encode)(const uint8_t *low, const uint8_t *_Nullable high, size_t count,
                        sluice_rice code, uint8_t *quotients, uint8_t *out, size_t room);
  // Reads a code of `length` bytes, behind which a word can be read. False if it is none of so many numbers. There are
  // twice as many quotients as in encoding.
  bool (*rice_decode)(const uint8_t *in, size_t length, size_t count, uint8_t *quotients,
                      uint8_t *low, uint8_t *_Nullable high);
  // XXH3 with 128 bits: its upper half, and its lower one.
  void (*hash)(const void *_Nullable bytes, size_t count, uint64_t seed, uint64_t *halves);
  // Of ascending runs, how far the upper 16 bits of each are from those of the one before, at most 63, times 4, plus 1
  // for one with low bits; and a list of those steps that are 63 or more, two bytes each. How many are listed.
  size_t (*put_steps)(const uint32_t *bits, size_t count, uint8_t *steps, uint8_t *list);
  // The low 15 bits of those that have some, two bytes each; how many. There is room for 16 more.
  size_t (*put_lows)(const uint32_t *bits, size_t count, uint8_t *lows);
  // Counts, at most 255; and a list of those that are 255 or more, with seven bits in each byte. The bytes of the list.
  size_t (*put_counts)(const uint64_t *counts, size_t count, uint8_t *bytes, uint8_t *list);
  // The sum of ascending magnitudes, of which there is one, in units in the last place of the first's binade. Counts are
  // below 2^32, and the sum is below 2^64.
  uint64_t (*sum_units)(const uint32_t *bits, const uint64_t *counts, size_t count);
  // The run that has one of the elements, from the last run on, of counts and their list as `put_counts` writes them;
  // the number of runs if there are not so many elements.
  sluice_found_run (*find_largest)(const uint8_t *counts, size_t run_count, const uint8_t *list,
                                   size_t list_length, uint64_t position);
  // The bits of a run, of steps and their list as `put_steps` writes them, and of low bits as `put_lows` does.
  uint32_t (*find_bits)(const uint8_t *steps, size_t run, const uint8_t *listed_steps,
                        size_t listed_count, const uint8_t *lows, size_t low_count);
} sluice_kernel_table;

// The instruction sets, weakest first.
typedef enum {
  SLUICE_BASELINE = 0,
  SLUICE_AVX2 = 1,
  SLUICE_AVX512 = 2,
  SLUICE_AVX512_VBMI2 = 3,
} sluice_vector_level;

// The kernels of a level, or null where this processor or this build has not got them.
const sluice_kernel_table *_Nullable sluice_kernels(sluice_vector_level level);

// The first counter from `start` on that is not zero; `end` if all are.
size_t sluice_next_counted(const uint32_t *counters, size_t start, size_t end);
size_t sluice_next_counted_wide(const uint64_t *counters, size_t start, size_t end);

// Replaces sorted values by those that differ, and says how often each is there; returns how many. What is counted may
// be written over the values.
size_t sluice_count_sorted(const uint32_t *values, size_t count, uint32_t *bits, uint32_t *counts);

// Sorts 31-bit keys, smallest first. The scratch space holds as many keys.
void sluice_sort_magnitudes(uint32_t *values, uint32_t *scratch, size_t count);

// Sorts places by the 31-bit keys in their upper halves, smallest first, equals in the order they come.
void sluice_sort_places(uint64_t *places, uint64_t *scratch, size_t count);

#pragma clang assume_nonnull end
