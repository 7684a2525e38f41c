internal import SluiceCore

/// The bytes of a text that grows at its end.
///
/// What is appended is written into memory that nobody else has, so that no piece, of which a report has millions,
/// asks whose it is.
@safe struct TextBuffer: ~Copyable, @unchecked Sendable {
  // Safe: `start` has room for `room` bytes, of which the first `count` are initialised, until `deinit`.
  private var start: UnsafeMutablePointer<UInt8>
  private var room: Int
  /// How many bytes there are.
  private(set) var count = 0

  /// Makes an empty text.
  ///
  /// - Parameter room: For how many bytes there is room before it grows.
  init(room: Int) {
    unsafe start = .allocate(capacity: room)
    self.room = room
  }

  deinit { unsafe start.deallocate() }

  /// Hands the bytes on where they lie.
  func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // Safe: nothing is appended while they are used.
    try body(unsafe UnsafeRawBufferPointer(start: start, count: count).bytes)
  }

  /// Forgets all bytes, and keeps the room for them.
  mutating func clear() { count = 0 }

  /// Appends a byte.
  mutating func append(_ byte: UInt8) {
    reserve(1)
    unsafe start[count] = byte
    count += 1
  }

  /// Appends the same byte several times.
  mutating func append(_ byte: UInt8, count added: Int) {
    reserve(added)
    unsafe (start + count).initialize(repeating: byte, count: added)
    count += added
  }

  /// Appends a text of the program.
  mutating func append(_ text: StaticString) {
    precondition(text.hasPointerRepresentation, "a single character")
    unsafe append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends a text of the program between quotes, which needs no escapes.
  mutating func append(quoted text: StaticString) {
    precondition(text.hasPointerRepresentation, "a single character")
    let (length, quote) = (text.utf8CodeUnitCount, UInt8(ascii: "\""))
    reserve(length + 2)
    let end = unsafe start + count
    unsafe end[0] = quote
    unsafe (end + 1).initialize(from: text.utf8Start, count: length)
    unsafe end[length + 1] = quote
    count += length + 2
  }

  /// Appends a text.
  mutating func append(_ text: String) {
    var text = text
    // Safe: the bytes are used inside the closure only.
    text.withUTF8 { bytes in unsafe append(bytes) }
  }

  /// Appends another text.
  mutating func append(_ other: borrowing TextBuffer) {
    unsafe append(UnsafeBufferPointer(start: other.start, count: other.count))
  }

  /// Appends bytes.
  mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let first = bytes.baseAddress else { return }
    reserve(bytes.count)
    unsafe (start + count).initialize(from: first, count: bytes.count)
    count += bytes.count
  }

  /// Appends a number as the standard library describes it.
  mutating func append(_ number: some BinaryFloatingPoint & TextOutputStreamable) {
    reserve(Description.mostBytes)
    var description = unsafe Description(target: start + count)
    number.write(to: &description)
    count += description.count
  }

  /// Takes the description of a number where it is to be: a string of each would be made and thrown away.
  @safe private struct Description: TextOutputStream {
    /// More than any description of a Double has.
    static let mostBytes = 32

    // Safe: the buffer that appends a number has reserved `mostBytes` there, of which the first `count` are initialised.
    let target: UnsafeMutablePointer<UInt8>
    var count = 0

    mutating func write(_ text: String) {
      var text = text
      // Safe: the bytes are used inside the closure only.
      text.withUTF8 { bytes in unsafe _writeASCII(bytes) }
    }

    /// What the standard library calls with the digits that it has made.
    mutating func _writeASCII(_ digits: UnsafeBufferPointer<UInt8>) {
      guard let first = digits.baseAddress else { return }
      precondition(digits.count <= Description.mostBytes - count, "a number of many digits")
      unsafe (target + count).initialize(from: first, count: digits.count)
      count += digits.count
    }
  }

  /// Appends the decimal digits of a number.
  mutating func append(decimal number: UInt64) {
    // They come last to first, two at a time.
    let digits = TextBuffer.digitCount(number)
    reserve(digits)
    var first = digits
    var rest = number
    // Safe: all digits lie in the room reserved above, and pairs in the text of all of them.
    let target = unsafe start + count
    let pairs = unsafe TextBuffer.pairs.utf8Start
    while first > 1 {
      let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
      first -= 2
      unsafe target[first] = pairs[Int(pair) * 2]
      unsafe target[first + 1] = pairs[Int(pair) * 2 + 1]
      rest = quotient
    }
    if first > 0 { unsafe target[0] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest) }
    count += digits
  }

  private static func digitCount(_ number: UInt64) -> Int {
    var (count, rest) = (1, number)
    while rest >= 100 { (count, rest) = (count + 2, rest / 100) }
    return rest >= 10 ? count + 1 : count
  }

  /// The numbers from 0 to 99, two digits each.
  private static let pairs: StaticString =
    """
    0001020304050607080910111213141516171819\
    2021222324252627282930313233343536373839\
    4041424344454647484950515253545556575859\
    6061626364656667686970717273747576777879\
    8081828384858687888990919293949596979899
    """

  /// Appends the decimal digits of a number, after a sign if it is negative.
  mutating func append(decimal number: Int) {
    if number < 0 { append(UInt8(ascii: "-")) }
    append(decimal: UInt64(number.magnitude))
  }

  private mutating func reserve(_ added: Int) {
    if added > room - count { grow(by: added) }
  }

  @inline(never)
  private mutating func grow(by added: Int) {
    let larger = max(2 * room, count + added)
    let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    unsafe moved.moveInitialize(from: start, count: count)
    unsafe start.deallocate()
    (unsafe start, room) = (unsafe moved, larger)
  }
}
