package import SluiceCore

/// What a frame is made from.
@safe package struct FrameContent {
  /// The type of the patterns: F16, BF16 or F32.
  package var dtype: DType
  /// The number of elements.
  package var elementCount: Int
  /// The number of kept ones.
  package var keptCount: Int
  /// The sum of the base's bytes.
  package var baseSum: Hash128
  /// One bit for each element, if not all are kept.
  @unsafe package var keep: UnsafePointer<UInt64>?
  /// The number of codes of each class.
  @unsafe package var classCounts: UnsafePointer<UInt32>
  /// The bytes of the codes, sorted by class, plane after plane.
  @unsafe package var planes: UnsafePointer<UInt8>

  /// Describes a frame.
  ///
  /// - Parameters:
  ///   - dtype: The type of the patterns: F16, BF16 or F32.
  ///   - elementCount: The number of elements.
  ///   - keptCount: The number of kept ones.
  ///   - baseSum: The sum of the base's bytes.
  ///   - keep: One bit for each element; nil if all are kept.
  ///   - classCounts: The number of codes of each class.
  ///   - planes: The bytes of the codes, sorted by class, plane after plane.
  package init(
    dtype: DType, elementCount: Int, keptCount: Int, baseSum: Hash128,
    keep: UnsafePointer<UInt64>?, classCounts: UnsafePointer<UInt32>,
    planes: UnsafePointer<UInt8>
  ) {
    self.dtype = dtype
    self.elementCount = elementCount
    self.keptCount = keptCount
    self.baseSum = baseSum
    unsafe self.keep = unsafe keep
    unsafe self.classCounts = unsafe classCounts
    unsafe self.planes = unsafe planes
  }
}

/// Writes frames, on one thread.
package final class FrameEncoder {
  private let sections: SectionCoder

  /// Makes an encoder.
  package init(_ codec: FrameCodec) { sections = SectionCoder(codec) }

  /// Writes a frame.
  ///
  /// - Parameters:
  ///   - content: What it holds.
  ///   - seed: The seed of its place.
  ///   - target: Where to write, at least `Frame.byteLimit` bytes.
  /// - Returns: The number of bytes written.
  package func encode(
    _ content: FrameContent, seed: UInt64, into target: UnsafeMutableRawBufferPointer
  ) -> Int {
    let width = Frame.width(of: content.dtype)
    let header = Frame.headerByteCount(width: width)
    precondition(target.count >= Frame.byteLimit(content.dtype))
    // SAFETY: the header's offsets lie inside the target, which was just measured; the content's
    // arrays are as long as its counts say, which is what its maker guarantees.
    func store(_ value: UInt32, at offset: Int) {
      unsafe LittleEndian.store(value, target, at: offset)
    }
    var end = header
    var section = Frame.sectionOffset
    func append(_ bytes: UnsafeRawBufferPointer, isTried: Bool) -> Int {
      let (form, count) = unsafe sections.compress(
        bytes, into: UnsafeMutableRawBufferPointer(rebasing: target[end...]), isTried: isTried)
      store(form.rawValue << Frame.lengthBits | UInt32(count), at: section)
      section += 4
      end += count
      return count
    }
    let keepByteCount = Frame.keepByteCount(content.elementCount)
    _ = unsafe append(
      UnsafeRawBufferPointer(
        start: content.keep, count: content.keep == nil ? 0 : keepByteCount),
      isTried: FrameEncoder.paysForKeepBits(content))
    for plane in 0..<width {
      var start = plane * content.keptCount
      var isTried = true
      for index in 0..<Frame.classCount {
        let count = unsafe Int(content.classCounts[index])
        let written = unsafe append(
          UnsafeRawBufferPointer(start: content.planes + start, count: count), isTried: isTried)
        // From class to class the lowest bytes say more.
        let saves = count - written >= count / 8
        if plane == 0, count >= FrameEncoder.tellingByteCount, !saves { isTried = false }
        start += count
      }
    }
    store(Frame.magic, at: 0)
    store(UInt32(end), at: 4)
    store(UInt32(content.elementCount), at: Frame.contentOffset)
    store(UInt32(content.keptCount), at: Frame.contentOffset + 4)
    // A byte for the type, one that says whether all are kept, and two of zero.
    let keepsAll: UInt32 = unsafe content.keep == nil ? 1 : 0
    store(UInt32(Frame.code(of: content.dtype)) | keepsAll << 8, at: Frame.contentOffset + 8)
    unsafe target[Frame.baseSumOffset...].copyBytes(from: content.baseSum.bytes)
    for index in 0..<Frame.classCount {
      store(unsafe content.classCounts[index], at: Frame.classOffset + 4 * index)
    }
    let hash = unsafe Hash128(
      of: UnsafeRawBufferPointer(rebasing: target[Frame.contentOffset..<end]), seed: seed)
    unsafe target[Frame.hashOffset...].copyBytes(from: hash.bytes)
    return end
  }
}

extension FrameEncoder {
  /// So long a section shows whether those after it are worth a try.
  fileprivate static let tellingByteCount = 1024

  /// Whether keep bits are worth a try: of bits of which a third are set, or two thirds, coding can save a twelfth, and
  /// less in between.
  fileprivate static func paysForKeepBits(_ content: FrameContent) -> Bool {
    let kept = min(content.keptCount, content.elementCount - content.keptCount)
    return 3 * kept < content.elementCount
  }
}

extension Slice where Base == UnsafeMutableRawBufferPointer {
  /// Copies bytes to the beginning.
  fileprivate func copyBytes(from bytes: [UInt8]) {
    // SAFETY: the whole buffer holds a header, and so what follows one of its fields' offsets.
    unsafe UnsafeMutableRawBufferPointer(rebasing: self).copyBytes(from: bytes)
  }
}
