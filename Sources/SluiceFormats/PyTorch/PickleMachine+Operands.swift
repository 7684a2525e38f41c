/// The opcodes that PyTorch writes for weights.
enum Opcode {
  static let proto: UInt8 = 0x80
  static let none = UInt8(ascii: "N")
  static let newTrue: UInt8 = 0x88
  static let newFalse: UInt8 = 0x89
  static let binInt = UInt8(ascii: "J")
  static let binInt1 = UInt8(ascii: "K")
  static let binInt2 = UInt8(ascii: "M")
  static let long1: UInt8 = 0x8a
  static let binFloat = UInt8(ascii: "G")
  static let binUnicode = UInt8(ascii: "X")
  static let global = UInt8(ascii: "c")
  static let emptyTuple = UInt8(ascii: ")")
  static let emptyList = UInt8(ascii: "]")
  static let emptyDictionary = UInt8(ascii: "}")
  static let mark = UInt8(ascii: "(")
  static let tuple = UInt8(ascii: "t")
  static let tuple1: UInt8 = 0x85
  static let tuple3: UInt8 = 0x87
  static let append = UInt8(ascii: "a")
  static let appends = UInt8(ascii: "e")
  static let setItem = UInt8(ascii: "s")
  static let setItems = UInt8(ascii: "u")
  static let binPut = UInt8(ascii: "q")
  static let longBinPut = UInt8(ascii: "r")
  static let binGet = UInt8(ascii: "h")
  static let longBinGet = UInt8(ascii: "j")
  static let binPersistentID = UInt8(ascii: "Q")
  static let reduce = UInt8(ascii: "R")
  static let build = UInt8(ascii: "b")
  static let stop = UInt8(ascii: ".")
}

extension PickleMachine {
  /// The longest name of a module or of something in it.
  private static let maximumNameByteCount = 256

  mutating func byte() throws(FormatError) -> UInt8 {
    guard position < bytes.count else { throw malformed("it ends too early") }
    position += 1
    return bytes[position - 1]
  }

  /// Reads a little-endian number of 1 to 8 bytes.
  mutating func number(_ byteCount: Int) throws(FormatError) -> UInt64 {
    LittleEndian.number(try take(byteCount))
  }

  /// Reads a number in two's complement after its length.
  mutating func longInteger() throws(FormatError) -> Int {
    let byteCount = Int(try byte())
    guard byteCount <= 8 else { throw malformed("a number of \(byteCount) bytes") }
    guard byteCount > 0 else { return 0 }
    let unused = 64 - 8 * byteCount
    return Int(bitPattern: UInt(try number(byteCount) << UInt64(unused))) >> unused
  }

  mutating func string(_ byteCount: Int) throws(FormatError) -> String {
    guard let string = String(validating: try take(byteCount), as: UTF8.self) else {
      throw malformed("a string that is not UTF-8")
    }
    return string
  }

  /// Reads the names of a module and of something in it, each on a line of its own.
  mutating func global() throws(FormatError) -> PickleGlobal {
    let module = try line()
    let name = try line()
    guard let global = PickleGlobal(module: module, name: name) else {
      throw refused(TorchAdvice.unknownGlobal(module: module, name: name))
    }
    return global
  }

  mutating func checkProtocol() throws(FormatError) {
    let version = try byte()
    guard position == 2 else { throw malformed("a protocol in its middle") }
    guard version == 2 || version == 3 else {
      throw refused("protocol \(version); sluice reads protocols 2 and 3")
    }
  }

  private mutating func line() throws(FormatError) -> String {
    let limit = min(bytes.count, position + PickleMachine.maximumNameByteCount)
    guard let end = bytes[position..<limit].firstIndex(of: UInt8(ascii: "\n")) else {
      throw malformed("a name without an end")
    }
    let text = try string(end - position)
    position = end + 1
    return text
  }

  private mutating func take(_ byteCount: Int) throws(FormatError) -> ArraySlice<UInt8> {
    guard bytes.count - position >= byteCount else { throw malformed("it ends too early") }
    position += byteCount
    return bytes[position - byteCount..<position]
  }
}
