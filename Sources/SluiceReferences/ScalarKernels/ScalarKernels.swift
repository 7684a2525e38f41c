/// The kernels again, one element at a time and straight from their formulas: what the fast ones
/// are compared with.
package enum ScalarKernels {}
