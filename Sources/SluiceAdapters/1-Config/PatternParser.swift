/// Reads what patterns of configs are written in: Python's regular expressions, as far as they have no
/// memory.
///
/// Everything else is refused, since to take it for letters would choose another rank.
struct PatternParser {
  /// A pattern that is not understood.
  struct Refusal: Error {
    let message: String
  }

  /// The most instructions of a pattern.
  static let instructionLimit = 4096
  private static let depthLimit = 32
  private typealias ByteSet = PatternProgram.ByteSet

  private indirect enum Part {
    case set(ByteSet)
    case start
    case end
    case all([Part])
    case any([Part])
    case repeated(Part, least: Int, most: Int?)
  }

  private let text: [UInt8]
  private var position = 0
  private var depth = 0
  /// Parts that were compiled, those that come to nothing among them.
  private var compiledCount = 0

  /// Compiles a pattern.
  ///
  /// - Parameter text: The pattern.
  /// - Returns: Its program.
  /// - Throws: `Refusal` if it is not understood, or too long.
  static func compile(_ text: String) throws(Refusal) -> PatternProgram {
    var parser = PatternParser(text: Array(text.utf8))
    let part = try parser.alternatives()
    guard parser.position == parser.text.count else { throw Refusal(message: "a ) without its (") }
    var program = PatternProgram()
    try parser.append(part, to: &program)
    program.instructions.append(.match)
    return program
  }

  private init(text: [UInt8]) { self.text = text }

  private var next: UInt8? { position < text.count ? text[position] : nil }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func alternatives() throws(Refusal) -> Part {
    depth += 1
    defer { depth -= 1 }
    guard depth <= PatternParser.depthLimit else { throw Refusal(message: "nested too deeply") }
    var branches = [try sequence()]
    while accept("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .any(branches)
  }

  private mutating func sequence() throws(Refusal) -> Part {
    var parts: [Part] = []
    while let byte = next, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
      let atom = try atom()
      parts.append(try quantified(atom))
    }
    return .all(parts)
  }

  private mutating func atom() throws(Refusal) -> Part {
    guard let byte = next else { return .all([]) }
    position += 1
    switch byte {
    case UInt8(ascii: "."): return .set(PatternParser.only(UInt8(ascii: "\n")).inverted)
    case UInt8(ascii: "^"): return .start
    case UInt8(ascii: "$"): return .end
    case UInt8(ascii: "["): return .set(try bracket())
    case UInt8(ascii: "\\"): return .set(try escape())
    case UInt8(ascii: "("):
      if accept("?"), !accept(":") { throw Refusal(message: "a group that begins with (?") }
      let inner = try alternatives()
      guard accept(")") else { throw Refusal(message: "a ( without its )") }
      return inner
    case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"):
      throw Refusal(message: "nothing to repeat")
    default: return .set(PatternParser.only(byte))
    }
  }

  private mutating func quantified(_ atom: Part) throws(Refusal) -> Part {
    var (least, most): (Int, Int?) = (1, 1)
    if accept("*") {
      (least, most) = (0, nil)
    } else if accept("+") {
      (least, most) = (1, nil)
    } else if accept("?") {
      (least, most) = (0, 1)
    } else if let range = try braces() {
      (least, most) = range
    } else {
      return atom
    }
    // To take as little as possible matches the same names.
    _ = accept("?")
    if let byte = next, "*+?".utf8.contains(byte) { throw Refusal(message: "repeated twice") }
    return .repeated(atom, least: least, most: most)
  }

  /// `{2}`, `{2,}`, `{2,5}`; braces with anything else in them are letters.
  private mutating func braces() throws(Refusal) -> (Int, Int?)? {
    let begin = position
    guard accept("{") else { return nil }
    let least = number()
    var most = least
    let hasComma = accept(",")
    if hasComma { most = number() }
    guard accept("}"), least != nil || hasComma else {
      position = begin
      // As an atom the brace is taken next.
      return nil
    }
    guard (least ?? 0) <= 1000, (most ?? 0) <= 1000, (least ?? 0) <= (most ?? .max) else {
      throw Refusal(message: "a repetition out of bounds")
    }
    return (least ?? 0, most)
  }

  private mutating func number() -> Int? {
    var value: Int?
    while let byte = next, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte {
      value = min((value ?? 0) * 10 + Int(byte - UInt8(ascii: "0")), 1 << 20)
      position += 1
    }
    return value
  }

  private mutating func escape() throws(Refusal) -> ByteSet {
    guard let byte = next else { throw Refusal(message: "a \\ at the end") }
    position += 1
    switch byte {
    case UInt8(ascii: "d"): return PatternParser.digits
    case UInt8(ascii: "D"): return PatternParser.digits.inverted
    case UInt8(ascii: "w"): return PatternParser.wordBytes
    case UInt8(ascii: "W"): return PatternParser.wordBytes.inverted
    case UInt8(ascii: "s"): return PatternParser.spaces
    case UInt8(ascii: "S"): return PatternParser.spaces.inverted
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"):
      throw Refusal(message: "\\\(Character(Unicode.Scalar(byte)))")
    default: return PatternParser.only(byte)
    }
  }

  private mutating func bracket() throws(Refusal) -> ByteSet {
    let isInverted = accept("^")
    var set = ByteSet()
    var isFirst = true
    while isFirst || next != UInt8(ascii: "]") {
      isFirst = false
      guard let low = next, low < 0x80 else {
        throw Refusal(message: next == nil ? "a [ without its ]" : "a set with other than ASCII")
      }
      position += 1
      if low == UInt8(ascii: "\\") {
        set.formUnion(try escape())
        continue
      }
      guard next == UInt8(ascii: "-"), position + 1 < text.count,
        text[position + 1] != UInt8(ascii: "]")
      else {
        set.insert(low)
        continue
      }
      let high = text[position + 1]
      position += 2
      guard low <= high, high < 0x80, high != UInt8(ascii: "\\") else {
        throw Refusal(message: "a range out of order")
      }
      for byte in low...high { set.insert(byte) }
    }
    position += 1
    return isInverted ? set.inverted : set
  }

  private static func only(_ byte: UInt8) -> ByteSet {
    var set = ByteSet()
    set.insert(byte)
    return set
  }

  private static func containing(_ characters: String) -> ByteSet {
    var set = ByteSet()
    for byte in characters.utf8 { set.insert(byte) }
    return set
  }

  private static let digits = containing("0123456789")
  private static let spaces = containing(" \t\n\r\u{b}\u{c}")
  private static let wordBytes = containing(
    "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

  private mutating func append(_ part: Part, to program: inout PatternProgram) throws(Refusal) {
    compiledCount += 1
    guard program.instructions.count < PatternParser.instructionLimit,
      compiledCount < 4 * PatternParser.instructionLimit
    else {
      throw Refusal(message: "more than \(PatternParser.instructionLimit) steps long")
    }
    switch part {
    case .set(let set): program.instructions.append(.take(set))
    case .start: program.instructions.append(.start)
    case .end: program.instructions.append(.end)
    case .all(let parts): for part in parts { try append(part, to: &program) }
    case .any(let branches):
      var jumps: [Int] = []
      for (index, branch) in branches.enumerated() {
        let fork = program.instructions.count
        if index < branches.count - 1 { program.instructions.append(.fork(fork + 1, 0)) }
        try append(branch, to: &program)
        guard index < branches.count - 1 else { continue }
        jumps.append(program.instructions.count)
        program.instructions.append(.jump(0))
        program.instructions[fork] = .fork(fork + 1, program.instructions.count)
      }
      for jump in jumps { program.instructions[jump] = .jump(program.instructions.count) }
    case .repeated(let part, let least, let most):
      for _ in 0..<least { try append(part, to: &program) }
      if let most {
        var forks: [Int] = []
        for _ in least..<max(most, least) {
          forks.append(program.instructions.count)
          program.instructions.append(.fork(program.instructions.count + 1, 0))
          try append(part, to: &program)
        }
        for fork in forks {
          program.instructions[fork] = .fork(fork + 1, program.instructions.count)
        }
      } else {
        let fork = program.instructions.count
        program.instructions.append(.fork(fork + 1, 0))
        try append(part, to: &program)
        program.instructions.append(.jump(fork))
        program.instructions[fork] = .fork(fork + 1, program.instructions.count)
      }
    }
  }
}
