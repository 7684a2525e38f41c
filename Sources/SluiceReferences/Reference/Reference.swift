/// The scalar functions of the reference: one element or one tensor at a time, as the formulas
/// read.
///
/// Goals, in order: obviously the definition, independent of the product (nothing is shared with
/// it but the names of dtypes and shapes), fast enough for tensors of 100,000 elements in a debug
/// build. Tests compare the streaming implementation with it bit for bit.
package enum Reference {}
