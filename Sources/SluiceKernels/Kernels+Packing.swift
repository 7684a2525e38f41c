internal import CSluiceKernels
package import SluiceCore

// Kept elements are stored as how far their bit patterns are from the base's: most of the time a small
// number, and the smaller the larger the base's exponent is. So the numbers are sorted by that
// exponent, which whoever reads them back knows too.

extension Kernels {
  /// The type whose patterns are packed: that of both sides, or F32 for what both are widened to.
  ///
  /// - Parameters:
  ///   - base: The type of the base model's elements.
  ///   - tuned: The type of the fine-tuned model's elements.
  /// - Returns: F16, BF16 or F32.
  package static func packedDType(base: DType, tuned: DType) -> DType {
    base == tuned && base.byteCount == 2 ? base : .f32
  }

  /// Takes the kept elements of a block apart into codes and classes.
  ///
  /// Code: the zigzag of (pattern of tuned - pattern of base), modulo the width. Class: how many
  /// times the base's magnitude is halved below 1, from 0 to 15.
  ///
  /// - Parameters:
  ///   - tuned: The elements of the fine-tuned model, at any address.
  ///   - base: The elements of the base model, of the same type.
  ///   - dtype: F16, BF16 or F32.
  ///   - keep: One bit per element.
  ///   - count: How many elements.
  ///   - codes: Receives a code for each kept element.
  ///   - classes: Receives its class.
  /// - Returns: How many elements are kept.
  package func pack(
    _ tuned: UnsafeRawPointer, base: UnsafeRawPointer, _ dtype: DType,
    keep: UnsafePointer<UInt64>, count: Int, codes: UnsafeMutablePointer<UInt32>,
    classes: UnsafeMutablePointer<UInt8>
  ) -> Int {
    // Safety: the caller guarantees `count` elements, their keep words, and room for all of them.
    unsafe functions.pointee.pack(
      tuned, base, Self.code(of: dtype), keep, count, codes, classes)
  }

  /// Sorts codes by class and takes their bytes apart.
  ///
  /// - Parameters:
  ///   - codes: The codes.
  ///   - classes: Their classes.
  ///   - count: How many.
  ///   - width: The bytes of a code, 2 or 4.
  ///   - classCounts: Receives the number of codes of each class.
  ///   - planes: Receives the bytes: plane after plane, the least significant one first.
  package func split(
    _ codes: UnsafePointer<UInt32>, classes: UnsafePointer<UInt8>, count: Int, width: Int,
    classCounts: UnsafeMutablePointer<UInt32>, planes: UnsafeMutablePointer<UInt8>
  ) {
    // Safety: the caller guarantees `count` codes and classes, and `width` times as many bytes.
    unsafe functions.pointee.split(codes, classes, count, width, classCounts, planes)
  }

  /// How many bytes behind the planes `unpack` may read, without looking at them.
  package static let planeSlack = 64

  /// Puts the kept elements of a block back among the base's.
  ///
  /// - Parameters:
  ///   - base: The elements of the base model, at any address.
  ///   - dtype: F16, BF16 or F32.
  ///   - keep: One bit per element.
  ///   - count: How many elements.
  ///   - planes: The bytes of all codes, as `split` left them, and `planeSlack` more that can be read.
  ///   - planeLength: The number of codes.
  ///   - positions: For each class the position of the next code; moves on.
  ///   - ends: For each class the end of its codes.
  ///   - out: Receives the elements.
  /// - Returns: False if a class has fewer codes than this base asks for.
  package func unpack(
    base: UnsafeRawPointer, _ dtype: DType, keep: UnsafePointer<UInt64>, count: Int,
    planes: UnsafePointer<UInt8>, planeLength: Int, positions: UnsafeMutablePointer<UInt32>,
    ends: UnsafePointer<UInt32>, into out: UnsafeMutableRawPointer
  ) -> Bool {
    // Safety: the caller guarantees `count` elements, their keep words, and the planes; positions
    // never reach the ends of their classes, which lie inside the planes.
    unsafe functions.pointee.unpack(
      base, Self.code(of: dtype), keep, count, planes, planeLength, positions, ends, out)
  }
}
