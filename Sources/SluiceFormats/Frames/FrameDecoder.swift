package import SluiceCore
package import SluiceKernels

/// Reads frames back, on one thread, one at a time.
///
/// Nothing in a frame is believed before it was checked: a damaged or made-up one ends with its place.
@safe package final class FrameDecoder {
  /// The type of the patterns.
  package private(set) var dtype: DType = .bf16
  /// The number of elements.
  package private(set) var elementCount = 0
  /// The number of kept ones.
  package private(set) var keptCount = 0
  /// The sum of the base's bytes.
  package private(set) var baseSum = Hash128(high: 0, low: 0)
  /// One bit for each element.
  @unsafe package let keep: UnsafeMutablePointer<UInt64>
  /// The bytes of the codes, sorted by class, plane after plane.
  @unsafe package let planes: UnsafeMutablePointer<UInt8>
  /// For each class, where its first code is; a reader moves it on.
  @unsafe package let positions: UnsafeMutablePointer<UInt32>
  /// For each class, where its codes end.
  @unsafe package let ends: UnsafeMutablePointer<UInt32>
  private let sections: SectionCoder

  /// The bytes that a decoder holds.
  package static let byteCount =
    Frame.elementLimit / 8 + Frame.elementLimit * 4 + Kernels.planeSlack + SectionCoder.byteCount

  /// Makes a decoder with its memory.
  package init(kernels: Kernels) {
    sections = SectionCoder(.none, kernels: kernels)
    // SAFETY: allocated here with room for the largest frame, freed in deinit only.
    unsafe keep = .allocate(capacity: Frame.elementLimit / 64)
    unsafe keep.initialize(repeating: 0, count: Frame.elementLimit / 64)
    let planeByteCount = Frame.elementLimit * 4 + Kernels.planeSlack
    unsafe planes = .allocate(capacity: planeByteCount)
    unsafe planes.initialize(repeating: 0, count: planeByteCount)
    unsafe positions = .allocate(capacity: Frame.classCount)
    unsafe positions.initialize(repeating: 0, count: Frame.classCount)
    unsafe ends = .allocate(capacity: Frame.classCount)
    unsafe ends.initialize(repeating: 0, count: Frame.classCount)
  }

  deinit {
    unsafe keep.deallocate()
    unsafe planes.deallocate()
    unsafe positions.deallocate()
    unsafe ends.deallocate()
  }

  /// Reads a frame.
  ///
  /// - Parameters:
  ///   - bytes: The frame, no more and no less.
  ///   - seed: The seed of its place.
  ///   - place: Where it is, for messages.
  /// - Throws: `FormatError` if it is no frame, damaged, or the frame of another place.
  package func decode(
    _ bytes: UnsafeRawBufferPointer, seed: UInt64, place: FramePlace
  ) throws(FormatError) {
    guard bytes.count >= Frame.sectionOffset,
      unsafe LittleEndian.load(bytes, at: 0) == Frame.magic
    else { throw place.problem("there is no frame here") }
    guard unsafe Int(LittleEndian.load(bytes, at: 4)) == bytes.count else {
      throw place.problem("the frame has another length than its header says")
    }
    let hash = unsafe Hash128(
      of: UnsafeRawBufferPointer(rebasing: bytes[Frame.contentOffset...]), seed: seed)
    guard
      unsafe Hash128(bytes: bytes[Frame.hashOffset..<Frame.contentOffset]) == hash
    else { throw place.problem("the frame is damaged, or that of another place") }
    // Made with a right hash but by another program, a frame can still be wrong.
    guard let width = unsafe readHeader(bytes), unsafe readSections(bytes, width: width) else {
      throw place.problem("the frame contradicts itself")
    }
  }

  private func readHeader(_ bytes: UnsafeRawBufferPointer) -> Int? {
    elementCount = unsafe Int(LittleEndian.load(bytes, at: Frame.contentOffset))
    keptCount = unsafe Int(LittleEndian.load(bytes, at: Frame.contentOffset + 4))
    guard let dtype = unsafe Frame.dtype(code: bytes[Frame.contentOffset + 8]),
      (1...Frame.elementLimit).contains(elementCount), keptCount <= elementCount,
      let baseSum = unsafe Hash128(bytes: bytes[Frame.baseSumOffset..<Frame.classOffset])
    else { return nil }
    self.dtype = dtype
    self.baseSum = baseSum
    var total = 0
    for index in 0..<Frame.classCount {
      let count = unsafe Int(
        LittleEndian.load(bytes, at: Frame.classOffset + 4 * index))
      unsafe positions[index] = UInt32(total)
      total += count
      guard total <= keptCount else { return nil }
      unsafe ends[index] = UInt32(total)
    }
    let width = Frame.width(of: dtype)
    guard total == keptCount, bytes.count >= Frame.headerByteCount(width: width) else { return nil }
    return width
  }

  private func readSections(_ bytes: UnsafeRawBufferPointer, width: Int) -> Bool {
    var list = unsafe StoredSections(bytes, next: Frame.headerByteCount(width: width))
    let holdsAll = unsafe bytes[Frame.contentOffset + 9] == 1
    // SAFETY: the buffers hold the largest frame, and counts were checked against it.
    guard let keptBits = list.next(),
      unsafe sections.decompress(
        keptBits.bytes, keptBits.form,
        into: UnsafeMutableRawBufferPointer(
          start: keep, count: holdsAll ? 0 : Frame.keepByteCount(elementCount))),
      checkKeep(holdsAll: holdsAll)
    else { return false }
    // The classes whose section of the next plane was read with this one's.
    var pairs: UInt32 = 0
    for plane in 0..<width {
      let known = pairs
      pairs = 0
      for index in 0..<Frame.classCount {
        guard let section = list.next() else { return false }
        if known >> UInt32(index) & 1 == 1 {
          guard section.form == .plain, unsafe section.bytes.count == 0 else { return false }
        } else if section.form == .ricePairs {
          guard plane + 1 < width, read(section, plane, index) else { return false }
          pairs |= 1 << UInt32(index)
        } else {
          guard read(section, plane, index) else { return false }
        }
      }
    }
    return list.isAtEnd
  }

  /// Reads a class's bytes of a plane, and of the next one if they are coded together.
  private func read(_ section: StoredSections.Section, _ plane: Int, _ index: Int) -> Bool {
    // SAFETY: positions and ends were checked against the number of codes, and the planes hold the largest frame.
    let start = unsafe Int(positions[index])
    let count = unsafe Int(ends[index]) - start
    let low = unsafe planes + plane * keptCount + start
    switch section.form {
    case .rice, .ricePairs:
      return unsafe sections.decodeRice(
        section.bytes, isEnd: section.isEnd, count: count, low: low,
        high: section.form == .ricePairs ? low + keptCount : nil)
    case .plain, .lz4, .zstd, .zeros:
      return unsafe sections.decompress(
        section.bytes, section.form, into: UnsafeMutableRawBufferPointer(start: low, count: count))
    }
  }

  /// Whether there are as many keep bits as codes, and none beyond the elements.
  private func checkKeep(holdsAll: Bool) -> Bool {
    let words = (elementCount + 63) / 64
    let last = elementCount % 64
    let lastMask = last == 0 ? UInt64.max : 1 << UInt64(last) - 1
    if holdsAll {
      unsafe keep.update(repeating: .max, count: words)
      unsafe keep[words - 1] = lastMask
    }
    guard unsafe keep[words - 1] & ~lastMask == 0 else { return false }
    let count = (0..<words).reduce(0) { unsafe $0 + keep[$1].nonzeroBitCount }
    return count == keptCount
  }
}

/// The sections of a frame, one after the other.
@safe private struct StoredSections {
  /// A section.
  @safe struct Section {
    let form: SectionForm
    let bytes: UnsafeRawBufferPointer
    /// Whether less can be read behind it than decoders may read.
    let isEnd: Bool
  }

  private let frame: UnsafeRawBufferPointer
  private var word = Frame.sectionOffset
  private var start: Int

  init(_ frame: UnsafeRawBufferPointer, next: Int) {
    unsafe self.frame = frame
    start = next
  }

  /// Whether nothing is left.
  var isAtEnd: Bool { unsafe start == frame.count }

  /// The next section; nil if it would end behind the frame.
  mutating func next() -> Section? {
    // SAFETY: the header has as many words as there are sections, and the frame was measured against it.
    let value = unsafe LittleEndian.load(frame, at: word)
    word += 4
    let count = Int(value & (1 << Frame.lengthBits - 1))
    guard let form = SectionForm(rawValue: value >> Frame.lengthBits),
      unsafe count <= frame.count - start
    else { return nil }
    defer { start += count }
    return unsafe Section(
      form: form, bytes: UnsafeRawBufferPointer(rebasing: frame[start..<start + count]),
      isEnd: frame.count - start - count < Kernels.riceSlack)
  }
}
