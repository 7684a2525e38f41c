internal import SluiceCore
internal import SluiceFormats

/// The kinds of values, each refused by name where it is of another.
extension AdapterConfigReader {
  mutating func flag(_ key: String) throws -> Bool {
    switch try scanner.kind() {
    case .bool: return try scanner.bool()
    case .null:
      try scanner.null()
      return false
    default: throw bad("\(key.printable) is neither true nor false")
    }
  }

  mutating func rank(_ what: String) throws -> Int {
    guard case .integer(let value) = try scalar(), (1...1 << 24).contains(value) else {
      throw bad("\(what): a rank is a whole number from 1 to \(1 << 24)")
    }
    return value
  }

  mutating func number(_ what: String) throws -> Double {
    let value: Double? =
      switch try scalar() {
      case .integer(let value): Double(value)
      case .double(let value): value
      default: nil
      }
    guard let value, value.isFinite, value.magnitude < 1e30 else {
      throw bad("\(what) is no number")
    }
    return value
  }

  mutating func scalar() throws -> JSONScalar {
    let kind = try scanner.kind()
    if kind == .object || kind == .array {
      try scanner.skipValue()
      return .null
    }
    return try scanner.scalar()
  }

  mutating func readTable(
    _ key: String, _ read: (inout AdapterConfigReader, String) throws -> Void
  ) throws {
    guard try scanner.kind() != .null else { return try scanner.null() }
    var names: Set<String> = []
    try scanner.beginObject()
    while let text = try scanner.nextKey() {
      let name = scanner.string(of: text)
      guard names.insert(name).inserted else { throw bad("\(key): \(name.printable) occurs twice") }
      guard names.count <= AdapterConfig.entryLimit else {
        throw bad("\(key) has more than \(AdapterConfig.entryLimit) entries")
      }
      try read(&self, name)
    }
  }

  mutating func add(
    _ pattern: String, to key: String,
    _ append: (inout AdapterConfig) throws(PatternParser.Refusal) -> Void
  ) throws {
    do throws(PatternParser.Refusal) {
      try append(&config)
    } catch {
      throw bad(
        "\(key): the pattern \(pattern.printable) is not understood: \(error.message)",
        remedy: "Write the names of modules in its place.")
    }
  }

  mutating func strings(_ key: String) throws -> [String]? {
    guard try scanner.kind() != .null else {
      try scanner.null()
      return nil
    }
    var list: [String] = []
    try scanner.beginArray()
    while try scanner.nextElement() {
      guard try scanner.kind() == .string, list.count < AdapterConfig.entryLimit else {
        throw bad("\(key) is no list of names")
      }
      list.append(try scanner.string())
    }
    return list
  }

  mutating func integers(_ key: String) throws -> [Int] {
    var list: [Int] = []
    try scanner.beginArray()
    while try scanner.nextElement() {
      guard case .integer(let value) = try scalar(), value >= 0,
        list.count < AdapterConfig.entryLimit
      else { throw bad("\(key) is no list of row numbers") }
      list.append(value)
    }
    guard Set(list).count == list.count else { throw bad("\(key) names a row twice") }
    return list
  }

  func bad(_ message: String, remedy: String? = nil) -> AdapterError {
    .bad(message, file: file, remedy: remedy)
  }
}
