internal import SluiceArchitecture
internal import SluiceCore
package import SluiceFormats

/// Something to score: a prompt, and an answer or several to choose from, all as token ids.
package struct TaskExample: Sendable, Hashable {
  /// The line of the file, from 1.
  package var line: Int
  /// The prompt.
  package var prompt: [Int32]
  /// The answer, or all choices.
  package var answers: [[Int32]]
  /// The position of the right one.
  package var right = 0
  /// Whether there are choices.
  package var isChoice = false
  /// What log-likelihoods of choices are divided by; the number of their tokens if nil.
  package var lengths: [Double]?
}

/// A file of examples, a JSON object a line.
package struct TaskFile: Sendable {
  /// More than any file of examples has: what is read is held while it is parsed.
  static let byteLimit = 256 << 20
  /// More than any model reads at once.
  package static let tokenLimit = 1 << 20
  /// More choices than any question has.
  static let choiceLimit = 1024

  /// The name of the task: that of the file, without its ending.
  package let name: String
  /// The file.
  package let path: String
  /// The examples, in the order of the file.
  package let examples: [TaskExample]
  /// Some tokens by their ids, as the tokenizer knew them that made the file.
  package let tokens: [Int: String]

  /// What tells the file's content from others.
  package let hash: Hash128

  /// Whether the examples are choices.
  package var isChoice: Bool { examples.first?.isChoice ?? false }

  /// Reads a file.
  ///
  /// - Parameter path: The file.
  /// - Throws: If it cannot be read, or a line is no example; the error names the line.
  package init(_ path: String) throws {
    let bytes = try InputFile.contents(of: path, byteLimit: TaskFile.byteLimit)
    try self.init(bytes, path: path)
  }

  init(_ bytes: [UInt8], path: String) throws {
    self.path = path
    hash = Hash128(of: bytes)
    name = TaskFile.taskName(path)
    var (examples, tokens): ([TaskExample], [Int: String]) = ([], [:])
    try TaskFile.forEachLine(bytes, path) { line, text, offset in
      let parsed = try TaskLine.parse(text, file: path, offset: offset)
      if let known = parsed.tokens, examples.isEmpty {
        tokens.merge(known) { $1 }
      } else {
        examples.append(try parsed.example(line: line))
      }
    }
    guard let first = examples.first else {
      throw EvaluationError.badInput(
        "there is no example in it", file: path,
        remedy: "Write a JSON object a line, with prompt and answer, or prompt, choices and index.")
    }
    if let other = examples.first(where: { $0.isChoice != first.isChoice }) {
      throw EvaluationError.badInput(
        "line \(other.line) has \(other.isChoice ? "choices" : "an answer"), line \(first.line) has "
          + (first.isChoice ? "choices" : "an answer"), file: path,
        remedy: "Put them into files of their own: a task has one kind.")
    }
    (self.examples, self.tokens) = (examples, tokens)
  }

  /// Calls with each line that is not blank: its number from 1, its text, and where it begins.
  ///
  /// - Throws: What the call throws, about the file and the line.
  static func forEachLine(
    _ bytes: [UInt8], _ path: String, _ body: (Int, ArraySlice<UInt8>, Int) throws -> Void
  ) throws {
    var (line, start) = (0, 0)
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      line += 1
      defer { start = end + 1 }
      if bytes[start..<end].allSatisfy({ $0 == 32 || $0 == 9 || $0 == 13 }) { continue }
      do {
        try body(line, bytes[start..<end], start)
      } catch let problem as FormatError {
        throw error(problem.failure, path, line)
      } catch let problem as EvaluationError {
        throw error(problem.failure, path, line)
      }
    }
  }

  private static func error(_ failure: Failure, _ path: String, _ line: Int) -> EvaluationError {
    var failure = failure
    failure.subject.file = path
    failure.message = "line \(line): \(failure.message)"
    return EvaluationError(failure)
  }

  private static func taskName(_ path: String) -> String {
    let name = Directory.name(of: path)
    for ending in [".jsonl", ".json"] where name.hasSuffix(ending) && name.count > ending.count {
      return String(name.dropLast(ending.count))
    }
    return name
  }

  /// Checks that all ids are tokens of a model.
  ///
  /// - Parameter tokenCount: The number of tokens that it has.
  /// - Throws: `EvaluationError` that names the line.
  package func checkTokens(_ tokenCount: Int) throws(EvaluationError) {
    for example in examples {
      for list in [example.prompt] + example.answers {
        guard let id = list.first(where: { Int($0) >= tokenCount }) else { continue }
        throw EvaluationError.badInput(
          "line \(example.line): the token id \(id) is out of range: the model has \(tokenCount) tokens",
          file: path, remedy: "Encode the texts with the tokenizer of this model.")
      }
    }
  }
}

extension TaskFile {
  /// Checks that the tokens that the file names are those of a model's tokenizer.
  ///
  /// - Parameter table: The tokens of the model.
  /// - Throws: `EvaluationError` if one is another.
  func checkTokenizer(_ table: TokenTable) throws(EvaluationError) {
    let others = tokens.filter { table.differs($0.key, $0.value) }
    guard let first = others.min(by: { $0.key < $1.key }) else { return }
    throw EvaluationError.badInput(
      "the ids were made with another tokenizer: \(others.count) of the \(tokens.count) tokens that the "
        + "file names are not those of \(table.file.printable), the first is \(first.key), "
        + "\(first.value.printable)", file: path,
      remedy: "Encode the texts with the tokenizer of this model.")
  }

  /// Reads files, and those of directories.
  ///
  /// - Parameter paths: Files, or directories whose `.jsonl` files are read in the order of their names.
  /// - Returns: The tasks, each with a name of its own.
  /// - Throws: What reading them throws, `EvaluationError` if two have one name.
  package static func read(_ paths: [String]) throws -> [TaskFile] {
    var files: [String] = []
    for path in paths {
      guard try FileStatus.of(path)?.kind == .directory else {
        files.append(path)
        continue
      }
      let names = try Directory.list(path).map(\.name).filter { $0.hasSuffix(".jsonl") }
      guard !names.isEmpty else {
        throw EvaluationError.badInput("the directory has no .jsonl file", file: path)
      }
      files += names.sorted(by: NaturalOrder.isOrderedBefore).map { "\(path)/\($0)" }
    }
    let tasks = try files.map { try TaskFile($0) }
    for (index, task) in tasks.enumerated() {
      guard let other = tasks[..<index].first(where: { $0.name == task.name }) else { continue }
      throw EvaluationError.usage(
        "the task \(task.name.printable) is also that of \(other.path.printable)", file: task.path,
        remedy: "Give the file another name.")
    }
    return tasks
  }
}
