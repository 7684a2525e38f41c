package import SluiceCore
package import SluiceKernels

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
  private var riceSections = [RiceSection?](repeating: nil, count: Frame.classCount)

  /// The bytes that an encoder holds, about: half of it is what the libraries allocate.
  package static let byteCount = 2 * SectionCoder.byteCount

  /// Makes an encoder.
  package init(_ codec: FrameCodec, kernels: Kernels) {
    sections = SectionCoder(codec, kernels: kernels)
  }

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
    precondition(target.count >= Frame.byteLimit(content.dtype))
    let width = Frame.width(of: content.dtype)
    // SAFETY: the target has room for whatever the frame holds, as was just checked.
    var list = unsafe SectionList(target, end: Frame.headerByteCount(width: width))
    let keepByteCount = Frame.keepByteCount(content.elementCount)
    _ = unsafe append(
      UnsafeRawBufferPointer(start: content.keep, count: content.keep == nil ? 0 : keepByteCount),
      to: &list, isTried: FrameEncoder.paysForKeepBits(content))
    if sections.codec == .rice {
      appendRice(content, width: width, to: &list)
    } else {
      appendBytes(content, width: width, to: &list)
    }
    unsafe FrameEncoder.writeHeader(content, seed: seed, end: list.end, target)
    return list.end
  }

  /// Writes a section in the shortest form that the codec gives.
  private func append(
    _ bytes: UnsafeRawBufferPointer, to list: inout SectionList, isTried: Bool
  ) -> Int {
    let (form, count) = unsafe sections.compress(bytes, into: list.rest, isTried: isTried)
    list.add(form, byteCount: count)
    return count
  }

  private func appendBytes(_ content: FrameContent, width: Int, to list: inout SectionList) {
    for plane in 0..<width {
      var start = plane * content.keptCount
      var isTried = true
      for index in 0..<Frame.classCount {
        // SAFETY: the content's arrays are as long as its counts say, which is what its maker guarantees.
        let count = unsafe Int(content.classCounts[index])
        let written = unsafe append(
          UnsafeRawBufferPointer(start: content.planes + start, count: count), to: &list,
          isTried: isTried)
        // From class to class the lowest bytes say more.
        let saves = count - written >= count / 8
        if plane == 0, count >= FrameEncoder.tellingByteCount, !saves { isTried = false }
        start += count
      }
    }
  }

  private func appendRice(_ content: FrameContent, width: Int, to list: inout SectionList) {
    var start = 0
    for index in 0..<Frame.classCount {
      // SAFETY: as above; each plane has as many bytes of a class.
      let count = unsafe Int(content.classCounts[index])
      riceSections[index] = unsafe sections.riceSection(
        content.planes + start, stride: content.keptCount, width: width, count: count)
      start += count
    }
    for plane in 0..<width {
      var bytes = unsafe content.planes + plane * content.keptCount
      for index in 0..<Frame.classCount {
        let count = unsafe Int(content.classCounts[index])
        unsafe appendRice(
          &riceSections[index], plane, bytes, next: bytes + content.keptCount, count: count,
          to: &list)
        unsafe bytes += count
      }
    }
  }

  /// Writes a plane's section of a class; forgets that it is coded if that saves nothing.
  private func appendRice(
    _ section: inout RiceSection?, _ plane: Int, _ bytes: UnsafePointer<UInt8>,
    next: UnsafePointer<UInt8>, count: Int, to list: inout SectionList
  ) {
    if let coded = section {
      if coded.plane == plane {
        let length = unsafe sections.encodeRice(
          low: bytes, high: coded.code.isPair ? next : nil, count: count, coded.code,
          into: list.rest)
        if let length {
          return list.add(coded.code.isPair ? .ricePairs : .rice, byteCount: length)
        }
        section = nil
      } else if coded.code.isPair, coded.plane + 1 == plane {
        return list.add(.plain, byteCount: 0)
      }
    }
    _ = unsafe append(
      UnsafeRawBufferPointer(start: bytes, count: count), to: &list, isTried: false)
  }
}

/// The sections of a frame while they are written, one after the other.
@safe private struct SectionList {
  private let target: UnsafeMutableRawBufferPointer
  private var word = Frame.sectionOffset
  /// Where the next section begins.
  private(set) var end: Int

  init(_ target: UnsafeMutableRawBufferPointer, end: Int) {
    unsafe self.target = target
    self.end = end
  }

  /// Where it is written.
  var rest: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(rebasing: target[end...])
  }

  /// Notes what was written there.
  mutating func add(_ form: SectionForm, byteCount: Int) {
    // SAFETY: there are as many words in the header as sections.
    let value = form.rawValue << Frame.lengthBits | UInt32(byteCount)
    unsafe LittleEndian.store(value, target, at: word)
    word += 4
    end += byteCount
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

  /// Writes what is before the sections, whose bytes are there.
  fileprivate static func writeHeader(
    _ content: FrameContent, seed: UInt64, end: Int, _ target: UnsafeMutableRawBufferPointer
  ) {
    // SAFETY: the header's offsets lie inside the target, whose room was checked.
    func store(_ value: UInt32, at offset: Int) {
      unsafe LittleEndian.store(value, target, at: offset)
    }
    store(Frame.magic, at: 0)
    store(UInt32(end), at: 4)
    store(UInt32(content.elementCount), at: Frame.contentOffset)
    store(UInt32(content.keptCount), at: Frame.contentOffset + 4)
    // A byte for the type, one that says whether all are kept, and two of zero.
    let keepsAll: UInt32 = unsafe content.keep == nil ? 1 : 0
    store(UInt32(Frame.code(of: content.dtype)) | keepsAll << 8, at: Frame.contentOffset + 8)
    unsafe content.baseSum.store(target, at: Frame.baseSumOffset)
    for index in 0..<Frame.classCount {
      store(unsafe content.classCounts[index], at: Frame.classOffset + 4 * index)
    }
    let hash = unsafe Hash128(
      of: UnsafeRawBufferPointer(rebasing: target[Frame.contentOffset..<end]), seed: seed)
    unsafe hash.store(target, at: Frame.hashOffset)
  }
}
