internal import SluiceCore
internal import SluiceFormats

/// The file format `search.json`, version 1 (docs/reference/search.md).
extension SearchResult {
  /// The text of the file.
  package var json: [UInt8] {
    JSONWriter.bytes(indentation: 1) { json in
      json.beginObject()
      json.member("version", SearchResult.version)
      json.member("evaluator", .string(evaluator))
      json.member("prune", .string(prune))
      json.member("strategy", .string(strategy))
      json.member("step", step)
      json.member("bound", bound)
      if !numbers.isEmpty {
        json.key("numbers")
        json.beginArray(isOnOneLine: true)
        for name in numbers { json.value(.string(name)) }
        json.endArray()
      }
      json.key("models")
      json.beginArray()
      for model in models { SearchResult.write(model, to: &json) }
      json.endArray()
      if let merged {
        json.key("merged")
        json.beginObject()
        SearchResult.write("tasks", merged.tasks.tasks, to: &json)
        SearchResult.write("domainRatios", merged.domainRatios, to: &json)
        json.member("seconds", merged.seconds)
        json.endObject()
      }
      if let base { SearchResult.write("base", base.tasks, to: &json) }
      json.endObject()
    } + [UInt8(ascii: "\n")]
  }

  private static func write(_ model: Model, to json: inout JSONWriter) {
    json.beginObject()
    json.member("name", .string(model.name))
    json.member("method", .string(model.method))
    write("partitionRates", model.partitionRates, to: &json)
    write("factors", model.factors.values, to: &json)
    json.member("domainRatio", model.domainRatio)
    write("dense", model.dense.tasks, to: &json)
    json.key("trajectory")
    json.beginArray()
    for step in model.trajectory {
      json.beginObject(isOnOneLine: true)
      json.member("method", .string(step.method))
      write("factors", step.factors.values, to: &json)
      write("tasks", step.tasks.tasks, to: &json)
      json.member("domainRatio", step.domainRatio)
      json.member("seconds", step.seconds)
      json.endObject()
    }
    json.endArray()
    json.member("otherEvaluations", model.otherEvaluations)
    json.key("warnings")
    json.beginArray()
    for warning in model.warnings { json.value(.string(warning)) }
    json.endArray()
    json.endObject()
  }

  private static func write(_ key: StaticString, _ values: [Double], to json: inout JSONWriter) {
    json.key(key)
    json.beginArray(isOnOneLine: true)
    for value in values { json.value(.double(value)) }
    json.endArray()
  }

  private static func write(
    _ key: StaticString, _ values: [String: Double], to json: inout JSONWriter
  ) {
    json.key(key)
    json.beginObject(isOnOneLine: true)
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      json.member(named: name, .double(value))
    }
    json.endObject()
  }
}

extension SearchResult {
  /// Reads a file.
  ///
  /// - Parameter path: The file, or the output of a search.
  /// - Returns: What it says; members that this version does not know are left aside.
  /// - Throws: `FormatError` if it cannot be read, `SearchError` if it is of another version.
  package static func read(_ path: String) throws -> SearchResult {
    let isDirectory = try FileStatus.of(path)?.kind == .directory
    let file = isDirectory ? "\(path)/\(fileName)" : path
    let bytes = try InputFile.contents(of: file, byteLimit: 256 << 20)
    // SAFETY: the scanner is used inside the closure only.
    return try unsafe bytes.withUnsafeBytes { text in
      var scanner = unsafe JSONScanner(text, file: file)
      let result = try read(&scanner, file: file)
      try scanner.end()
      return result
    }
  }

  private static func read(_ scanner: inout JSONScanner, file: String) throws -> SearchResult {
    var result = SearchResult(
      evaluator: "", prune: "", strategy: "", step: 0, bound: 0, models: [])
    var version: Int?
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      switch scanner.string(of: key) {
      case "version": version = try scanner.integer()
      case "evaluator": result.evaluator = try scanner.string()
      case "prune": result.prune = try scanner.string()
      case "strategy": result.strategy = try scanner.string()
      case "step": result.step = try scanner.double()
      case "bound": result.bound = try scanner.double()
      case "models":
        try scanner.beginArray()
        while try scanner.nextElement() { result.models.append(try model(&scanner)) }
      case "merged": result.merged = try merged(&scanner)
      case "numbers":
        try scanner.beginArray()
        while try scanner.nextElement() { result.numbers.append(try scanner.string()) }
      case "base": result.base = TaskScores(try table(&scanner))
      default: try scanner.skipValue()
      }
    }
    guard version == SearchResult.version else {
      throw SearchError.badInput(
        "a result of version \(version.map { "\($0)" } ?? "unknown"); this reads version "
          + "\(SearchResult.version)", file: file)
    }
    return result
  }

  private static func model(_ scanner: inout JSONScanner) throws(FormatError) -> Model {
    var model = Model(
      name: "", method: "", partitionRates: [], factors: Factors([]), domainRatio: 0,
      dense: TaskScores([:]), trajectory: [])
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      switch scanner.string(of: key) {
      case "name": model.name = try scanner.string()
      case "method": model.method = try scanner.string()
      case "partitionRates": model.partitionRates = try numbers(&scanner)
      case "factors": model.factors = Factors(try numbers(&scanner))
      case "domainRatio": model.domainRatio = try scanner.double()
      case "dense": model.dense = TaskScores(try table(&scanner))
      case "otherEvaluations": model.otherEvaluations = try scanner.integer()
      case "warnings":
        try scanner.beginArray()
        while try scanner.nextElement() { model.warnings.append(try scanner.string()) }
      case "trajectory":
        try scanner.beginArray()
        while try scanner.nextElement() { model.trajectory.append(try step(&scanner)) }
      default: try scanner.skipValue()
      }
    }
    return model
  }

  private static func step(_ scanner: inout JSONScanner) throws(FormatError) -> Step {
    var step = Step(
      method: "", factors: Factors([]), tasks: TaskScores([:]), domainRatio: 0, seconds: 0)
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      switch scanner.string(of: key) {
      case "method": step.method = try scanner.string()
      case "factors": step.factors = Factors(try numbers(&scanner))
      case "tasks": step.tasks = TaskScores(try table(&scanner))
      case "domainRatio": step.domainRatio = try scanner.double()
      case "seconds": step.seconds = try scanner.double()
      default: try scanner.skipValue()
      }
    }
    return step
  }

  private static func merged(_ scanner: inout JSONScanner) throws(FormatError) -> Merged {
    var merged = Merged(tasks: TaskScores([:]), domainRatios: [:], seconds: 0)
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      switch scanner.string(of: key) {
      case "tasks": merged.tasks = TaskScores(try table(&scanner))
      case "domainRatios": merged.domainRatios = try table(&scanner)
      case "seconds": merged.seconds = try scanner.double()
      default: try scanner.skipValue()
      }
    }
    return merged
  }

  private static func numbers(_ scanner: inout JSONScanner) throws(FormatError) -> [Double] {
    var numbers: [Double] = []
    try scanner.beginArray()
    while try scanner.nextElement() { numbers.append(try scanner.double()) }
    return numbers
  }

  /// Numbers by name; one that is no number was written as null.
  private static func table(
    _ scanner: inout JSONScanner
  ) throws(FormatError) -> [String: Double] {
    var table: [String: Double] = [:]
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      let name = scanner.string(of: key)
      if try scanner.kind() == .null {
        try scanner.null()
        table[name] = .nan
      } else {
        table[name] = try scanner.double()
      }
    }
    return table
  }
}
