package import SluiceCore

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
  private let sections = SectionCoder(.none)

  /// The bytes that a decoder holds.
  package static let byteCount = Frame.elementLimit / 8 + Frame.elementLimit * 4

  /// Makes a decoder with its memory.
  ///
  /// - Parameter planeSlack: How many bytes behind the planes can be read, too.
  package init(planeSlack: Int = 0) {
    // SAFETY: allocated here with room for the largest frame, freed in deinit only.
    unsafe keep = .allocate(capacity: Frame.elementLimit / 64)
    unsafe keep.initialize(repeating: 0, count: Frame.elementLimit / 64)
    let planeByteCount = Frame.elementLimit * 4 + planeSlack
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
    var next = Frame.headerByteCount(width: width)
    var section = Frame.sectionOffset
    func take(into target: UnsafeMutableRawBufferPointer) -> Bool {
      let word = unsafe LittleEndian.load(bytes, at: section)
      section += 4
      let count = Int(word & (1 << Frame.lengthBits - 1))
      guard let form = SectionForm(rawValue: word >> Frame.lengthBits), count <= bytes.count - next
      else { return false }
      defer { next += count }
      // SAFETY: the section lies inside the frame, as was just checked.
      return unsafe sections.decompress(
        UnsafeRawBufferPointer(rebasing: bytes[next..<next + count]), form, into: target)
    }
    let holdsAll = unsafe bytes[Frame.contentOffset + 9] == 1
    // SAFETY: the buffers hold the largest frame, and counts were checked against it.
    guard
      unsafe take(
        into: UnsafeMutableRawBufferPointer(
          start: keep, count: holdsAll ? 0 : Frame.keepByteCount(elementCount))),
      checkKeep(holdsAll: holdsAll)
    else { return false }
    for plane in 0..<width {
      for index in 0..<Frame.classCount {
        let start = unsafe Int(positions[index])
        let count = unsafe Int(ends[index]) - start
        guard
          unsafe take(
            into: UnsafeMutableRawBufferPointer(
              start: planes + plane * keptCount + start, count: count))
        else { return false }
      }
    }
    return next == bytes.count
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

/// Where a frame is, for messages.
package struct FramePlace: Sendable {
  /// The path of the file.
  package var file: String
  /// The bytes of the frame in it.
  package var byteRange: Range<Int>
  /// The name of the tensor.
  package var tensor: String
  /// Whether the file belongs to the run, and is no input.
  package var isOfRun: Bool

  /// Names a place.
  ///
  /// - Parameters:
  ///   - file: The path of the file.
  ///   - byteRange: The bytes of the frame in it.
  ///   - tensor: The name of the tensor.
  ///   - isOfRun: Whether the file belongs to the run, and is no input.
  package init(file: String, byteRange: Range<Int>, tensor: String, isOfRun: Bool = false) {
    self.file = file
    self.byteRange = byteRange
    self.tensor = tensor
    self.isOfRun = isOfRun
  }

  /// What is wrong with the frame there.
  package func problem(_ message: String) -> FormatError {
    FormatError(
      Failure(
        isOfRun ? .inputOutput : .badInput,
        subject: Subject(file: file, tensor: tensor, byteRange: byteRange), message: message,
        remedy: isOfRun
          ? "Check the disk; --verify-resume all does damaged work again, --restart all work."
          : "Make the store again from its model (sluice prune), or give the model itself."))
  }
}
