internal import SluiceFormats

/// How far the search in an output directory is; found out without getting in its way.
package struct SearchStatus: Sendable {
  /// What is in the directory.
  package enum State: Sendable, Hashable {
    /// The result of a search.
    case finished
    /// A search that nobody works on.
    case stopped
    /// A search that a process is at work on.
    case running(holder: String)
  }

  /// What was evaluated of a model.
  package struct Model: Sendable, Hashable {
    /// The model's name.
    package let name: String
    /// How many candidates of it have scores.
    package let evaluated: Int
    /// The factors of the last of them; `dense` for the model as it is.
    package let last: String
    /// The seconds that evaluators took for them.
    package let seconds: Double
  }

  /// What is in the directory.
  package let state: State
  /// The models, in the order in which the first candidate of each was evaluated.
  package let models: [Model]

  /// Looks at an output directory; nil if no search was begun in it.
  ///
  /// - Parameter path: The directory.
  /// - Throws: If the journal cannot be read.
  package init?(of path: String) throws {
    guard let contents = try EvaluationJournal.contents(of: path) else { return nil }
    let work = "\(path)/\(SearchDirectory.workName)"
    if let holder = FileLock.holder(of: "\(work)/lock") {
      state = .running(holder: holder)
    } else {
      let hasResult = try FileStatus.of("\(path)/\(SearchResult.fileName)") != nil
      state = try hasResult && FileStatus.of(work) == nil ? .finished : .stopped
    }
    var names: [String] = []
    for entry in contents where !names.contains(entry.model) { names.append(entry.model) }
    models = names.map { name in
      let own = contents.filter { $0.model == name }
      return Model(
        name: name, evaluated: Set(own.map(\.label)).count, last: own.last?.label ?? "",
        seconds: own.reduce(0) { $0 + $1.evaluation.seconds })
    }
  }
}
