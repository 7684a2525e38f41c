internal import SluiceKernels

/// How the codes of one class become Rice codes: those of one plane of bytes, or of one and the next as pairs.
struct RiceSection {
  /// The plane that is coded, or the lower one of two; those below are there as they are, and those above zero.
  var plane: Int
  var code: RiceCode

  /// A shorter section is not worth a code of its own.
  static let leastCount = 64
}

extension SectionCoder {
  /// Chooses how a class is coded, by a sample of its numbers.
  ///
  /// - Parameters:
  ///   - planes: The class's bytes of the lowest plane.
  ///   - stride: The distance to the bytes of the next plane.
  ///   - width: The number of planes.
  ///   - count: The number of codes.
  /// - Returns: Nil if they are not coded.
  func riceSection(
    _ planes: UnsafePointer<UInt8>, stride: Int, width: Int, count: Int
  ) -> RiceSection? {
    guard count >= RiceSection.leastCount else { return nil }
    // SAFETY: each plane has `count` bytes of the class.
    func bytes(_ plane: Int) -> UnsafePointer<UInt8> { unsafe planes + plane * stride }
    let top = (0..<width).last { plane in
      unsafe !isZero(UnsafeRawBufferPointer(start: bytes(plane), count: count))
    }
    guard let top else { return nil }
    guard top > 0 else {
      return RiceSection(
        plane: 0, code: unsafe kernels.riceCode(low: bytes(0), high: nil, count: count))
    }
    let code = unsafe kernels.riceCode(low: bytes(top - 1), high: bytes(top), count: count)
    return RiceSection(plane: code.isPair ? top - 1 : top, code: code)
  }

  /// Writes a section in a Rice code.
  ///
  /// - Parameters:
  ///   - low: The bytes of the plane.
  ///   - high: Those of the next one, if the code is one of pairs.
  ///   - count: How many.
  ///   - code: The code.
  ///   - target: Where to write.
  /// - Returns: The bytes of the code, or nil if it saves nothing.
  func encodeRice(
    low: UnsafePointer<UInt8>, high: UnsafePointer<UInt8>?, count: Int, _ code: RiceCode,
    into target: UnsafeMutableRawBufferPointer
  ) -> Int? {
    let room = (code.isPair ? 2 : 1) * count - 1
    precondition(target.count >= room + Kernels.riceSlack && count <= Frame.elementLimit)
    guard let start = target.baseAddress else { return nil }
    // SAFETY: the quotients have room for those of the largest frame, and the target was just measured.
    let length = unsafe kernels.encodeRice(
      low: low, high: high, count: count, code, quotients: quotients.baseAddress.unsafelyUnwrapped,
      into: start.assumingMemoryBound(to: UInt8.self), room: room)
    return length > 0 ? length : nil
  }

  /// Reads a section in a Rice code back.
  ///
  /// - Parameters:
  ///   - stored: The section.
  ///   - isEnd: Whether nothing can be read behind it.
  ///   - count: How many numbers there should be.
  ///   - low: Where the bytes of its plane go.
  ///   - high: Where those of the next plane go, if it holds pairs.
  /// - Returns: Whether it was a code of so many numbers.
  func decodeRice(
    _ stored: UnsafeRawBufferPointer, isEnd: Bool, count: Int, low: UnsafeMutablePointer<UInt8>,
    high: UnsafeMutablePointer<UInt8>?
  ) -> Bool {
    guard stored.count > 0, stored.count < 2 * count else { return false }
    let bytes: UnsafeRawBufferPointer
    if isEnd {
      unsafe UnsafeMutableRawBufferPointer(lastSection).copyMemory(from: stored)
      unsafe bytes = UnsafeRawBufferPointer(lastSection)
    } else {
      unsafe bytes = stored
    }
    // SAFETY: the copy is as long as the longest section, and has a word more; so have the quotients.
    return unsafe kernels.decodeRice(
      bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self), length: stored.count,
      count: count, quotients: quotients.baseAddress.unsafelyUnwrapped, low: low, high: high)
  }
}
