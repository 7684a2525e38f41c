internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceStages

/// The keys of `exec`.
enum ExecArguments {
  /// Reads a program that changes deltas.
  static func transform(_ arguments: inout StageArguments) throws -> any DeltaTransform {
    let kind = try kind(&arguments, expected: .delta)
    return ExecTransform(try spec(&arguments, kind))
  }

  /// Reads a program that merges.
  static func merging(_ arguments: inout StageArguments) throws -> any MergeOperator {
    let kind = try kind(&arguments, expected: .merge)
    return ExecOperator(try spec(&arguments, kind))
  }

  private static func kind(
    _ arguments: inout StageArguments, expected: ExecSpec.Kind
  ) throws(RecipeError) -> ExecSpec.Kind {
    guard let field = arguments.map.take("kind") else { return expected }
    let word = try field.word(among: ExecSpec.Kind.allCases.map(\.rawValue))
    guard word == expected.rawValue else {
      throw field.error("here stands a program of kind \(expected.rawValue)")
    }
    return expected
  }

  private static func spec(
    _ arguments: inout StageArguments, _ kind: ExecSpec.Kind
  ) throws -> ExecSpec {
    let list = try arguments.map.require("command")
    var command: [String] = []
    var isFileBesideRecipe = false
    for item in try list.list(of: "a program and its arguments") {
      let resolved = try argument(item, arguments.directory)
      if command.isEmpty, case .scalar(let text, _) = item.node.content {
        isFileBesideRecipe = resolved != text
      }
      command.append(resolved)
    }
    guard let program = command.first, !program.isEmpty else {
      throw list.error("the command names no program", remedy: "Write [PROGRAM, ARGUMENT, ...].")
    }
    // Of `python3 clip.py 3` it is the script that people know.
    let script = isFileBesideRecipe ? program : command.dropFirst().first { $0.hasPrefix("/") }
    var spec = ExecSpec(
      command: command, kind: kind,
      name: try arguments.map.take("name")?.text() ?? Directory.name(of: script ?? program),
      directory: arguments.directory, modelNames: arguments.modelNames)
    if kind == .delta {
      if let scope = arguments.map.take("scope") {
        let word = try scope.word(among: TransformScope.allCases.map(\.rawValue))
        spec.scope = TransformScope(rawValue: word) ?? .linear
      }
      if let statistics = arguments.map.take("statistics") {
        for item in try statistics.list(of: "statistics") {
          spec.statistics.append(try statistic(item))
        }
      }
    }
    if let limit = arguments.map.take("time-limit") { spec.timeLimit = try seconds(limit) }
    if let memory = arguments.map.take("memory") { spec.byteCount = try memory.size().bytes }
    spec.version = try version(command, arguments.directory)
    spec.recipeText = recipeText(spec) { Directory.name(of: $0) }
    return spec
  }

  /// A stage's arguments with the paths of a program written in some way.
  static func text<Stage>(of stage: IdentifiedStage<Stage>, _ paths: WrittenPaths) -> String {
    let spec = (stage.stage as? ExecTransform)?.spec ?? (stage.stage as? ExecOperator)?.spec
    return spec.map { recipeText($0, file: paths.file) } ?? stage.arguments
  }

  /// An argument; one that names a file beside the recipe becomes its path.
  private static func argument(
    _ field: RecipeField, _ directory: String
  ) throws(RecipeError) -> String {
    // Arguments may be numbers: they are passed on as they are written.
    guard case .scalar(let text, _) = field.node.content, !field.isNothing else {
      throw field.error("an argument is expected, found \(field.node.kindName)")
    }
    let path = RecipePath.resolve(text, in: directory)
    let isFile = (try? FileStatus.of(path))??.kind == .regularFile
    guard isFile, text.contains("/") || text.contains(".") else { return text }
    return Directory.absolute(path)
  }

  private static let pieceByteCount = 16 << 20

  /// A hash of all files that the command names: another program is another recipe.
  private static func version(_ command: [String], _ directory: String) throws -> String {
    var hashes: [String] = []
    for argument in command where argument.contains("/") {
      guard let status = try? FileStatus.of(argument), status.kind == .regularFile
      else { continue }
      let file = try InputFile.open(argument)
      // Piece by piece, so that data of any size can be part of a program.
      let pieces = stride(from: 0, to: max(file.byteCount, 1), by: pieceByteCount)
      for start in pieces {
        let end = min(start + pieceByteCount, file.byteCount)
        hashes.append(Hash128(of: try file.bytes(in: start..<end)).hexadecimal)
      }
    }
    return hashes.joined(separator: " ")
  }

  private static func statistic(_ field: RecipeField) throws(RecipeError) -> ExecStatistic {
    if field.isMap {
      var map = try RecipeMap(field)
      let share = try map.require("quantile").number(.share)
      try map.finish()
      return .quantile(share)
    }
    return try field.word(among: ["mean", "largest"]) == "mean" ? .mean : .largest
  }

  private static func seconds(_ field: RecipeField) throws(RecipeError) -> Double {
    let units = ["ms": 0.001, "s": 1, "min": 60, "h": 3600]
    let expected = "a time such as 30s or 5min is expected"
    guard case .scalar(let text, _) = field.node.content, !field.isNothing else {
      throw field.error("\(expected), found \(field.node.kindName)")
    }
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let number = Double(digits), let unit = units[String(text.dropFirst(digits.count))],
      number > 0, number * unit <= ExecSpec.longestTimeLimit
    else {
      throw field.error(
        "\(expected), found \(text.quotedForMessage)", remedy: "Units are ms, s, min and h.")
    }
    return number * unit
  }

  /// What of the program is part of the recipe: not how long it may take, nor its memory.
  ///
  /// - Parameters:
  ///   - spec: The program.
  ///   - file: How the paths of files are written: which files they are tells the version.
  /// - Returns: The arguments of the stage.
  private static func recipeText(_ spec: ExecSpec, file: (String) -> String) -> String {
    let words = spec.command.map { word in
      word.hasPrefix("/") && (try? FileStatus.of(word))??.kind == .regularFile ? file(word) : word
    }
    let command = words.map(RecipeNode.quoted).joined(separator: ", ")
    var pairs = ["command: [\(command)]", "name: \(RecipeNode.quoted(spec.name))"]
    if spec.kind == .delta {
      pairs.append("scope: \(spec.scope.rawValue)")
      let statistics = spec.statistics.map { statistic in
        if case .quantile(let share) = statistic { return "{quantile: \(share)}" }
        return statistic.name
      }
      if !statistics.isEmpty { pairs.append("statistics: [\(statistics.joined(separator: ", "))]") }
    }
    return pairs.joined(separator: ", ")
  }
}
