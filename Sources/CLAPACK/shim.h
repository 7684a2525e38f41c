// The few functions of BLAS and LAPACK that matrices are solved, and models evaluated, with. Declared here, since systems
// put the headers in different places and the interfaces are older than most of them.
#pragma once

#include <stddef.h>

// Constants of the C interface to BLAS.
enum {
  SLUICE_ROW_MAJOR = 101,
  SLUICE_NO_TRANSPOSE = 111,
  SLUICE_TRANSPOSE = 112,
  SLUICE_LOWER = 122,
  SLUICE_NON_UNIT = 131,
  SLUICE_LEFT = 141,
  SLUICE_RIGHT = 142,
};

// c = alpha * a * b + beta * c
void cblas_dgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, double alpha,
                 const double *a, int stride_a, const double *b, int stride_b, double beta,
                 double *c, int stride_c);

// The same in Float32.
void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                 const float *a, int stride_a, const float *b, int stride_b, float beta, float *c,
                 int stride_c);

// b = alpha * inverse(a) * b, or b * inverse(a), for a triangular a
void cblas_dtrsm(int order, int side, int triangle, int transpose, int diagonal, int m, int n,
                 double alpha, const double *a, int stride_a, double *b, int stride_b);

// Cholesky factor, and inverse of a triangle, in place; columns are contiguous. The last arguments
// are the lengths of the strings, as Fortran passes them.
void dpotrf_(const char *triangle, const int *n, double *a, const int *stride, int *info, size_t);
void dtrtri_(const char *triangle, const char *diagonal, const int *n, double *a,
             const int *stride, int *info, size_t, size_t);

// How many threads work on a call.
void openblas_set_num_threads(int count);

// How it was built: 0 for one thread, 1 or 2 for several.
int openblas_get_parallel(void);

// The name and version of the library, and how it was built.
char *openblas_get_config(void);

// The processor whose kernels it chose.
char *openblas_get_corename(void);
