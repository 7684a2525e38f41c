internal import CLZ4
internal import CZstd
internal import Glibc
internal import SluiceKernels

/// What became of the bytes of one section of a frame.
enum SectionForm: UInt32 {
  /// They are there as they are.
  case plain = 0
  /// Compressed as one LZ4 block.
  case lz4 = 1
  /// Compressed as one Zstandard frame.
  case zstd = 2
  /// All of them are zero, and none is there.
  case zeros = 3
  /// In a Rice code.
  case rice = 4
  /// In a Rice code together with the bytes of the next plane, whose section is empty.
  case ricePairs = 5
}

/// Compresses and decompresses the sections of frames, on one thread.
@safe final class SectionCoder {
  let kernels: Kernels
  let codec: FrameCodec
  private let compressor: OpaquePointer?
  private let decompressor: OpaquePointer?
  /// What becomes of numbers on their way to Rice codes and back.
  let quotients: UnsafeMutableBufferPointer<UInt8>
  /// A copy of a section behind which nothing can be read.
  let lastSection: UnsafeMutableBufferPointer<UInt8>

  /// The bytes that a coder holds.
  static let byteCount = quotientCount + sectionCount
  private static let quotientCount = 2 * (Frame.elementLimit + Kernels.riceSlack)
  private static let sectionCount = 2 * Frame.elementLimit + Kernels.riceSlack

  /// Makes the coder with its working memory, which comes from the heap.
  init(_ codec: FrameCodec, kernels: Kernels) {
    self.codec = codec
    self.kernels = kernels
    switch codec {
    case .zstd(let level):
      unsafe compressor = ZSTD_createCCtx()
      // Safety: the context was made here; a setting that the library does not know changes nothing.
      unsafe SectionCoder.set(compressor, level)
    case .rice:
      // Keep bits are no numbers.
      unsafe compressor = ZSTD_createCCtx()
      unsafe SectionCoder.set(compressor, nil)
    case .none, .lz4: unsafe compressor = nil
    }
    unsafe decompressor = ZSTD_createDCtx()
    // Safety: allocated here, freed in deinit only.
    unsafe quotients = .allocate(capacity: SectionCoder.quotientCount)
    unsafe quotients.initialize(repeating: 0)
    unsafe lastSection = .allocate(capacity: SectionCoder.sectionCount)
    unsafe lastSection.initialize(repeating: 0)
  }

  deinit {
    // Safety: made in init, used by this alone; both functions accept null.
    unsafe ZSTD_freeCCtx(compressor)
    unsafe ZSTD_freeDCtx(decompressor)
    unsafe quotients.deallocate()
    unsafe lastSection.deallocate()
  }

  private static func set(_ compressor: OpaquePointer?, _ level: Int?) {
    if let level {
      _ = unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, Int32(level))
    } else {
      // Steps so long that hardly anything is compared with what came before, and literals that are coded all the same.
      _ = unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, -1000)
      _ = unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_codesLiterals, 1)
    }
  }

  /// Writes a section in the shortest form that the codec gives, at most as long as it is.
  ///
  /// - Parameters:
  ///   - section: The bytes.
  ///   - target: Where to write; at least as long.
  ///   - isTried: Whether the codec is tried.
  /// - Returns: The form and the number of bytes written.
  func compress(
    _ section: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer,
    isTried: Bool = true
  ) -> (form: SectionForm, byteCount: Int) {
    precondition(target.count >= section.count)
    guard section.count > 0 else { return (.plain, 0) }
    if unsafe isZero(section) { return (.zeros, 0) }
    // A form that saves nothing is not worth undoing; so the target is one byte short.
    let room = section.count - 1
    switch codec {
    case _ where !isTried, .none: break
    case .lz4:
      // Safety: both buffers are as long as said.
      let count = unsafe LZ4_compress_default(
        section.baseAddress, target.baseAddress, Int32(section.count), Int32(room))
      if count > 0 { return (.lz4, Int(count)) }
    case .zstd, .rice:
      // Safety: as above; the context is used by this thread alone.
      let count = unsafe ZSTD_compress2(
        compressor, target.baseAddress, room, section.baseAddress, section.count)
      if ZSTD_isError(count) == 0 { return (.zstd, count) }
    }
    unsafe target.copyMemory(from: section)
    return (.plain, section.count)
  }

  /// Reads a section back.
  ///
  /// - Parameters:
  ///   - stored: The bytes that are there.
  ///   - form: Their form.
  ///   - target: Where the section goes; exactly as long as the section.
  /// - Returns: Whether it was a section of that form and length.
  func decompress(
    _ stored: UnsafeRawBufferPointer, _ form: SectionForm,
    into target: UnsafeMutableRawBufferPointer
  ) -> Bool {
    switch form {
    case .plain:
      guard stored.count == target.count else { return false }
      unsafe target.copyMemory(from: stored)
      return true
    case .zeros:
      guard stored.count == 0 else { return false }
      unsafe target.initializeMemory(as: UInt8.self, repeating: 0)
      return true
    case .lz4:
      // Safety: the decoder reads and writes inside the two buffers, whatever the bytes are.
      let count = unsafe LZ4_decompress_safe(
        stored.baseAddress, target.baseAddress, Int32(stored.count), Int32(target.count))
      return Int(count) == target.count
    case .zstd:
      // Safety: as above. A frame may ask for no more memory than the target's length.
      let count = unsafe ZSTD_decompressDCtx(
        decompressor, target.baseAddress, target.count, stored.baseAddress, stored.count)
      return ZSTD_isError(count) == 0 && count == target.count
    // Those know of planes.
    case .rice, .ricePairs: return false
    }
  }

  /// Whether all bytes are zero; there is one at least.
  func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let start = bytes.baseAddress, unsafe bytes[0] == 0 else { return false }
    // Safety: both parts lie inside the buffer. If each byte is the one before it, all are the first.
    return unsafe memcmp(start, start + 1, bytes.count - 1) == 0
  }
}
