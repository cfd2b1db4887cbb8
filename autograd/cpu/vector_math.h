/* exp-based functions written so that a plain loop over them vectorises: no branch, no call, no table.
 * Same input, same bits, wherever the element stands in a row and whatever vector width the compiler picks.
 *
 * float: exp(x) - 1 = 2^k (1 + p) - 1 with x = k ln 2 + t, |t| <= ln(2)/2, p the Taylor polynomial of exp(t)
 * - 1 of degree 7 (next term below 5.2e-9). Measured against double over all exponents: absolute error of
 * sigmoid and tanh below 1.5e-7, relative error of tanh below 4e-7 also near 0;
 * tests/autograd/test_vector_math.c holds these bounds. double: the C library. */
#ifndef AG_CPU_VECTOR_MATH_H
#define AG_CPU_VECTOR_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Returns p = exp(t) - 1 and sets *power = 2^k; x within [-87, 88]. */
static inline float ag_exp_parts(float x, float *power) {
  const float round_magic =
      12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer, which its low bits then hold */
  float shifted = x * 1.44269504f + round_magic;
  float k = shifted - round_magic;
  float t = (x - k * 0.693359375f) + k * 2.12194440e-4f; /* ln 2 in two parts: the first product is exact */
  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + 0x3F800000u;
  memcpy(power, &bits, sizeof bits);
  float q = 1.0f / 5040;
  q = q * t + 1.0f / 720;
  q = q * t + 1.0f / 120;
  q = q * t + 1.0f / 24;
  q = q * t + 1.0f / 6;
  q = q * t + 0.5f;
  return t + t * t * q;
}

static inline float ag_clamp(float x, float low, float high) {
  x = x < low ? low : x; /* written so that NaN stays NaN */
  return x > high ? high : x;
}

static inline float ag_sigmoid_f32(float x) {
  float power, p = ag_exp_parts(ag_clamp(-x, -87.0f, 87.0f), &power);
  return 1.0f / (1.0f + (power + power * p));
}

static inline float ag_tanh_f32(float x) {
  float power, p = ag_exp_parts(ag_clamp(2.0f * x, -20.0f, 20.0f), &power);
  float e = power * p + (power - 1.0f); /* exp(2x) - 1 */
  return e / (e + 2.0f);
}

static inline double ag_sigmoid_f64(double x) {
  return 1.0 / (1.0 + exp(-x));
}
static inline double ag_tanh_f64(double x) {
  return tanh(x);
}
/* Tensors of the bf16 kernels are float. */
static inline float ag_sigmoid_bf16(float x) {
  return ag_sigmoid_f32(x);
}
static inline float ag_tanh_bf16(float x) {
  return ag_tanh_f32(x);
}

#endif
