package import SluiceCore
internal import SluiceKernels

/// A run of elements of one fine-tuned tensor, as far as merges can need them: which ones are kept, and
/// how far each is from the base.
///
/// The bytes (docs/reference/frames.md), all numbers little-endian:
///
///     0    "slf1"
///     4    length of the frame (UInt32)
///     8    XXH3-128 of everything from 24 on, seeded with the frame's place; most significant first
///     24   number of elements, number of kept ones (two UInt32)
///     32   type of the patterns (UInt8: 0 F16, 1 BF16, 2 F32), whether all are kept (UInt8), 0 (UInt16)
///     36   sum of the base's bytes (16)
///     52   number of kept elements of each class (16 UInt32)
///     116  form and length of each section (UInt32: form in the upper 3 bits): the keep bits, then
///          for each byte of a code, least significant first, one for each class
///     ...  the sections
package enum Frame {
  /// The most elements of a frame.
  package static let elementLimit = 1 << 18
  /// The number of classes of exponents.
  package static let classCount = 16

  static let magic: UInt32 = 0x3166_6c73
  static let hashOffset = 8
  static let contentOffset = 24
  static let baseSumOffset = 36
  static let classOffset = 52
  static let sectionOffset = 116
  static let lengthBits: UInt32 = 29

  /// The room that a frame needs: its most bytes, when nothing can be compressed, and what coders may write behind.
  ///
  /// - Parameter dtype: The type of the patterns.
  /// - Returns: The number of bytes.
  package static func byteLimit(_ dtype: DType) -> Int {
    let width = width(of: dtype)
    return headerByteCount(width: width) + elementLimit / 8 + elementLimit * width
      + Kernels.riceSlack
  }

  /// The seed of a frame's hash: a frame at another place is not taken for this one.
  ///
  /// - Parameters:
  ///   - owner: The name of the tensor, with that of the model where several share a file.
  ///   - firstElement: The position of the frame's first element in the tensor.
  /// - Returns: The seed.
  package static func seed(owner: String, firstElement: Int) -> UInt64 {
    var owner = owner
    // SAFETY: the bytes are used inside the closure only.
    return owner.withUTF8 {
      unsafe Hash128(of: UnsafeRawBufferPointer($0), seed: UInt64(firstElement)).low
    }
  }

  /// The bytes of a pattern, and so of a code.
  static func width(of dtype: DType) -> Int { dtype == .f32 ? 4 : 2 }

  static func headerByteCount(width: Int) -> Int { sectionOffset + 4 * (1 + classCount * width) }

  static func keepByteCount(_ elementCount: Int) -> Int { (elementCount + 63) / 64 * 8 }

  static func code(of dtype: DType) -> UInt8 { dtype == .f16 ? 0 : dtype == .bf16 ? 1 : 2 }

  static func dtype(code: UInt8) -> DType? {
    let known: [DType] = [.f16, .bf16, .f32]
    return Int(code) < known.count ? known[Int(code)] : nil
  }
}
