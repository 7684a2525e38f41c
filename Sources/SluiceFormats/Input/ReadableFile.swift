/// A file that can be read anywhere, by any number of threads: an input, or a file of the run's own.
package protocol ReadableFile: AnyObject, Sendable {
  /// The path.
  var path: String { get }

  /// The descriptor of the file around the page cache; nil if it is to be read in another way.
  var directDescriptor: Int32? { get }

  /// Fills a buffer from the file.
  ///
  /// - Parameters:
  ///   - buffer: Where to put the bytes; its length is how many are read.
  ///   - offset: Where in the file to start.
  /// - Throws: If the read fails or the file ends too early.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FormatError)

  /// Reads a range around the page cache, together with what else lies in its pages.
  ///
  /// - Parameters:
  ///   - range: Where in the file; not empty.
  ///   - buffer: Begins on a page and has room for all pages of the range.
  /// - Returns: Where in the buffer the range begins; nil if it is to be read in another way.
  /// - Throws: If the read fails or the file ends too early.
  func readDirectly(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(FormatError) -> Int?

  /// Asks the system to begin reading a range.
  func willNeed(_ range: Range<Int>)
}

extension ReadableFile {
  /// Reads a range into an array of its own, for what is small.
  ///
  /// - Parameter range: Where in the file.
  /// - Returns: The bytes.
  /// - Throws: If the read fails or the file ends too early.
  package func bytes(in range: Range<Int>) throws(FormatError) -> [UInt8] {
    var result = Result<Void, FormatError>.success(())
    // Safety: the buffer is used inside the closure only, and filled unless reading fails.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { room, made in
      result = Result { () throws(FormatError) in
        try unsafe read(
          into: UnsafeMutableRawBufferPointer(
            rebasing: UnsafeMutableRawBufferPointer(room)[..<range.count]),
          at: range.lowerBound)
      }
      if case .success = result { made = range.count }
    }
    try result.get()
    return bytes
  }
}

extension InputFile: ReadableFile {}
extension WorkFile: ReadableFile {}
