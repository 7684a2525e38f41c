internal import CLZ4
internal import CZstd

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
}

/// Compresses and decompresses the sections of frames, on one thread.
@safe final class SectionCoder {
  private let codec: FrameCodec
  private let compressor: OpaquePointer?
  private let decompressor: OpaquePointer?

  /// Makes the coder with its working memory, which comes from the heap.
  init(_ codec: FrameCodec) {
    self.codec = codec
    if case .zstd(let level) = codec {
      unsafe compressor = ZSTD_createCCtx()
      // Safety: the context was made here; a setting that the library does not know changes nothing.
      unsafe SectionCoder.set(compressor, level)
    } else {
      unsafe compressor = nil
    }
    unsafe decompressor = ZSTD_createDCtx()
  }

  deinit {
    // Safety: made in init, used by this alone; both functions accept null.
    unsafe ZSTD_freeCCtx(compressor)
    unsafe ZSTD_freeDCtx(decompressor)
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
    case .zstd:
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
    }
  }

  private func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    // Eight at a time, and most sections end the search with the first.
    var index = 0
    while index + 8 <= bytes.count {
      // Safety: inside the buffer.
      if unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) != 0 { return false }
      index += 8
    }
    while index < bytes.count {
      if unsafe bytes[index] != 0 { return false }
      index += 1
    }
    return true
  }
}
