import FuzzSupport
@testable import SluiceFormats

@testable import SluiceSearch

/// What an evaluator printed, and what a search's journal keeps of it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzScores(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  _ = attempt(start, count) { bytes in
    let scores = try EvaluatorAnswer.scores(in: Array(bytes))
    let evaluation = Evaluation(scores: scores, seconds: 1)
    let key = Evaluation.Key(
      space: Hash128(high: 1, low: 2), label: "x", evaluator: Hash128(high: 3, low: 4))
    checkAgain(key, evaluation, "m")
  }
  return attempt(start, count) { bytes in
    guard let (key, evaluation, model) = Evaluation.decode(Array(bytes)) else { return }
    checkAgain(key, evaluation, model)
  }
}

/// Written again, it reads as the same; scores that are no numbers stay so.
private func checkAgain(_ key: Evaluation.Key, _ evaluation: Evaluation, _ model: String) {
  guard let again = Evaluation.decode(evaluation.encoded(key, model: model)) else {
    fatalError("an evaluation that is none when it is written again")
  }
  precondition(again.key == key && again.model == model)
  precondition(again.evaluation.scores.names == evaluation.scores.names)
  for (name, score) in evaluation.scores.tasks {
    let same = again.evaluation.scores.tasks[name]
    precondition(same == score || !score.isFinite && same?.isNaN == true, "\(name) \(score)")
  }
}
