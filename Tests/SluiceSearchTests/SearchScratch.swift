import Foundation
import SluiceCore
import SluiceDataflow
import SluiceEvaluate
import SluiceFormats
import SluicePlan
import SluiceRun
import SluiceRecipe
import Synchronization

@testable import SluiceSearch

/// A search without models: candidates are folders with a text in them, and the evaluator is a script.
final class SearchScratch: Sendable {
  let path = NSTemporaryDirectory() + "sluice-search-" + UUID().uuidString
  let maker: FolderMaker
  let events = Mutex<[SearchEvent]>([])

  init(models: [String] = ["math"]) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for name in models {
      try FileManager.default.createDirectory(
        atPath: "\(path)/\(name)", withIntermediateDirectories: true)
      try "dense".write(toFile: "\(path)/\(name)/factors", atomically: true, encoding: .utf8)
    }
    maker = FolderMaker(path: path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var out: String { path + "/out" }
  /// What the evaluator was run with, a line each.
  var runs: [String] { lines("runs") }

  func lines(_ name: String) -> [String] {
    let text = (try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").map { String($0) }
  }

  /// An evaluator: a script that finds in $1 the candidate's folder and in $f its factors.
  func evaluator(_ script: String) throws -> Evaluator {
    let file = "\(path)/evaluate-\(UUID().uuidString.prefix(8)).sh"
    let head = "d='\(path)'; f=$(cat \"$1/factors\"); echo \"$2 $f\" >> \"$d/runs\"\n"
    try (head + script + "\n").write(toFile: file, atomically: true, encoding: .utf8)
    return try Evaluator("sh '\(file)' {model} {name} {job}")
  }

  /// A dome with its top at 1.3 and 1.1; the dense model scores 0.8.
  static let dome = """
    case $f in dense) a=1.3; b=1.1;; *) a=${f%%,*}; b=${f##*,};; esac
    awk -v a=$a -v b=$b 'BEGIN { s = 0.8-0.3*(a-1.3)^2-0.2*(b-1.1)^2
      printf "{\\"tasks\\": {\\"gsm\\": %.6f}}\\n", s }'
    """

  func recipe(_ models: [String] = ["math"]) throws -> MergeRecipe {
    guard let rate = PruningRate(0.8) else { preconditionFailure("0.8 is a rate") }
    return MergeRecipe(
      base: "\(path)/base",
      models: models.map { MergeRecipe.Model(name: $0, path: "\(path)/\($0)") },
      method: .init(pruningRate: rate))
  }

  @discardableResult
  func run(
    _ evaluator: Evaluator, models: [String] = ["math"], recipe: MergeRecipe? = nil,
    cancellation: Cancellation = Cancellation(),
    change: (inout SearchOptions) -> Void = { _ in }
  ) throws -> SearchResult {
    var options = SearchOptions()
    change(&options)
    return try SearchRun(
      try recipe ?? self.recipe(models), evaluator: evaluator, options: options, maker: maker,
      output: out, cancellation: cancellation
    ) { event in self.events.withLock { $0.append(event) } }.execute()
  }
}

/// Makes folders that hold their factors, and counts how many there are at once.
final class FolderMaker: CandidateMaker {
  let path: String
  let made = Mutex<[String]>([])

  init(path: String) { self.path = path }

  func identity(of candidate: Candidate) throws -> Hash128 {
    Hash128(of: Array("\(candidate.model) \(candidate.factors == nil)".utf8))
  }

  func existingPath(of candidate: Candidate) -> String? {
    switch candidate.content {
    case .dense(let model): "\(path)/\(model)"
    case .base: (try? FileStatus.of("\(path)/base")) == .some(nil) ? nil : "\(path)/base"
    case .amplified, .merged, .marked: nil
    }
  }

  func byteCount(of candidate: Candidate) throws -> Int { 1000 }

  func model(
    of candidate: Candidate, memory: ByteCount, scratch: String, cancellation: Cancellation
  ) throws -> EvaluatedModel {
    preconditionFailure("a command evaluates these")
  }

  func make(_ candidate: Candidate, at directory: String, cancellation: Cancellation) throws {
    try Directory.create(directory)
    try AtomicFile.write(Array(candidate.label.utf8), to: "\(directory)/factors")
    made.withLock { $0.append(candidate.label) }
  }
}
