internal import SluiceCore
internal import SluiceFormats

/// A line of a task file as it was read.
struct TaskLine {
  private static let encode = "python3 bench/evaluators/encode.py --model MODEL FILE makes the ids."

  private var prompt: [Int32]?
  private var answer: [Int32]?
  private var choices: [[Int32]]?
  private var index: Int?
  private var lengths: [Double]?
  /// Tokens by their ids, if the line is about the tokenizer.
  private(set) var tokens: [Int: String]?

  /// Reads a line.
  static func parse(_ bytes: ArraySlice<UInt8>, file: String, offset: Int) throws -> TaskLine {
    // SAFETY: the scanner is used inside the closure only.
    try unsafe bytes.withUnsafeBytes { text in
      var scanner = unsafe JSONScanner(text, file: file, fileOffset: offset, maximumDepth: 8)
      guard try scanner.kind() == .object else {
        throw EvaluationError.badInput("it is no JSON object")
      }
      var line = TaskLine()
      var seen: Set<String> = []
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        let key = scanner.string(of: key)
        guard seen.insert(key).inserted else {
          throw EvaluationError.badInput("\(key.printable) is there twice")
        }
        try line.read(key, &scanner)
      }
      try scanner.end()
      return line
    }
  }

  private mutating func read(_ key: String, _ scanner: inout JSONScanner) throws {
    switch key {
    case "prompt": prompt = try TaskLine.ids("the prompt", &scanner)
    case "answer": answer = try TaskLine.ids("the answer", &scanner)
    case "choices":
      var list: [[Int32]] = []
      try TaskLine.beginList("choices", &scanner)
      while try scanner.nextElement() {
        guard list.count < TaskFile.choiceLimit else {
          throw EvaluationError.badInput("it has more than \(TaskFile.choiceLimit) choices")
        }
        list.append(try TaskLine.ids("choice \(list.count)", &scanner))
      }
      choices = list
    case "index":
      guard try scanner.kind() == .number, case .integer(let value) = try scanner.scalar() else {
        throw EvaluationError.badInput("index is no position of a choice")
      }
      index = value
    case "lengths":
      var list: [Double] = []
      try TaskLine.beginList("lengths", &scanner)
      while try scanner.nextElement(), list.count <= TaskFile.choiceLimit {
        list.append(try TaskLine.number(&scanner))
      }
      lengths = list
    case "tokens" where try scanner.kind() == .object:
      var known: [Int: String] = [:]
      try scanner.beginObject()
      while let id = try scanner.nextKey() {
        let text = scanner.string(of: id)
        guard let id = Int(text), try scanner.kind() == .string else {
          throw EvaluationError.badInput("tokens names no token by its id: \(text.printable)")
        }
        if case .string(let token) = try scanner.scalar() { known[id] = token }
      }
      tokens = known
    default: _ = try scanner.skipValue()
    }
  }

  private static func beginList(_ what: String, _ scanner: inout JSONScanner) throws {
    guard try scanner.kind() == .array else {
      throw EvaluationError.badInput("\(what) is no list")
    }
    try scanner.beginArray()
  }

  private static func number(_ scanner: inout JSONScanner) throws -> Double {
    if try scanner.kind() == .number {
      switch try scanner.scalar() {
      case .integer(let value) where value > 0: return Double(value)
      case .double(let value) where value > 0 && value.isFinite: return value
      default: break
      }
    }
    throw EvaluationError.badInput("a length is no number above 0")
  }

  /// A list of token ids.
  static func ids(_ what: String, _ scanner: inout JSONScanner) throws -> [Int32] {
    guard try scanner.kind() != .string else {
      throw EvaluationError.badInput(
        "\(what) is a text; sluice reads lists of token ids", remedy: encode)
    }
    try beginList(what, &scanner)
    var ids: [Int32] = []
    while try scanner.nextElement() {
      guard ids.count < TaskFile.tokenLimit else {
        throw EvaluationError.badInput("\(what) has more than \(TaskFile.tokenLimit) tokens")
      }
      guard try scanner.kind() == .number, case .integer(let id) = try scanner.scalar(),
        (0...Int(Int32.max)).contains(id)
      else { throw EvaluationError.badInput("\(what) has an element that is no token id") }
      ids.append(Int32(id))
    }
    return ids
  }

  /// The example that the line is.
  func example(line: Int) throws(EvaluationError) -> TaskExample {
    guard let prompt else { throw EvaluationError.badInput("there is no prompt") }
    guard !prompt.isEmpty else {
      throw EvaluationError.badInput(
        "the prompt is empty; the first token of an answer is asked for after another",
        remedy: "Begin it with the token that begins texts.")
    }
    guard (answer == nil) != (choices == nil) else {
      throw EvaluationError.badInput(
        answer == nil ? "there is neither answer nor choices" : "there are an answer and choices")
    }
    let answers = choices ?? answer.map { [$0] } ?? []
    if let empty = answers.firstIndex(where: \.isEmpty) {
      throw EvaluationError.badInput(
        choices == nil ? "the answer is empty" : "choice \(empty) is empty")
    }
    var example = TaskExample(line: line, prompt: prompt, answers: answers)
    guard choices != nil else { return example }
    guard answers.count > 1 else {
      throw EvaluationError.badInput("there are fewer than two choices")
    }
    guard let index, answers.indices.contains(index) else {
      throw EvaluationError.badInput(
        "index does not say which of the \(answers.count) choices is right; they are counted from 0"
      )
    }
    guard lengths == nil || lengths?.count == answers.count else {
      throw EvaluationError.badInput("there are not as many lengths as choices")
    }
    (example.right, example.isChoice, example.lengths) = (index, true, lengths)
    return example
  }
}
