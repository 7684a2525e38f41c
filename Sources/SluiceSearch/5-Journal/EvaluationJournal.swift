internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRun
internal import SluiceRecipe

/// Every evaluation that was ever finished in a directory, on the disk as soon as it was.
///
/// It outlives the search: another strategy, other bounds or another model of the same recipe start
/// from what it holds. It is a journal like that of a merge (docs/reference/journal.md) with records
/// of kind `evaluation`.
final class EvaluationJournal: Sendable {
  static let fileName = "search.journal"
  private static let kind = UnitKind(rawValue: "evaluation")
  private static let identity = Hash128(of: Array("sluice-search 1".utf8))

  /// What was found in it, the last of each key.
  let earlier: [Evaluation.Key: Evaluation]
  private let journal: Journal
  private let count: Monitor<Int>

  /// Opens the journal of a directory, or begins one.
  ///
  /// What a crash left half-written at its end is cut off.
  init(
    in directory: String, via work: String, startsOver: Bool, cancellation: Cancellation
  ) throws {
    let path = "\(directory)/\(EvaluationJournal.fileName)"
    if startsOver { try Directory.removeFile(path) }
    var known: [Evaluation.Key: Evaluation] = [:]
    var number = 0
    let file: WorkFile
    if let found = try WorkFile.open(at: path) {
      var reader = try JournalReader(found)
      switch reader.header {
      case .valid(EvaluationJournal.identity):
        while let record = try reader.next() {
          number += 1
          guard record.key.kind == EvaluationJournal.kind,
            let (key, evaluation, _) = Evaluation.decode(record.body)
          else { continue }
          known[key] = evaluation
        }
        try found.truncate(to: reader.validByteCount)
        file = found
      case .missing:
        file = try Journal.createFile(
          at: path, manifest: EvaluationJournal.identity, via: work)
      case .foreign, .valid:
        throw SearchError.usage(
          "\(path) is not the journal of a search, or of another version",
          remedy: "Choose another --out; --restart throws the journal away.")
      }
    } else {
      file = try Journal.createFile(
        at: path, manifest: EvaluationJournal.identity, via: work)
      try Directory.sync(directory)
    }
    earlier = known
    journal = try Journal(file, cancellation: cancellation)
    count = Monitor(number)
  }

  /// What a journal holds, read without getting in the way of a search; nil if there is none.
  static func contents(
    of directory: String
  ) throws -> [(model: String, label: String, evaluation: Evaluation)]? {
    guard let file = try WorkFile.open(at: "\(directory)/\(fileName)", isReadOnly: true) else {
      return nil
    }
    var reader = try JournalReader(file)
    guard case .valid(identity) = reader.header else { return nil }
    var contents: [(String, String, Evaluation)] = []
    while let record = try reader.next() {
      guard record.key.kind == kind, let found = Evaluation.decode(record.body) else { continue }
      contents.append((found.model, found.key.label, found.evaluation))
    }
    return contents.map { (model: $0.0, label: $0.1, evaluation: $0.2) }
  }

  /// Records an evaluation; it is on the disk when this returns.
  func add(_ evaluation: Evaluation, _ key: Evaluation.Key, model: String) throws {
    let number = count.withLock { number in
      defer { number += 1 }
      return number
    }
    journal.finished(
      JournalRecord(
        UnitKey(EvaluationJournal.kind, number), body: evaluation.encoded(key, model: model)))
    try journal.commit()
  }

  /// Ends the journal's thread.
  func close() throws { try journal.close() }
}
