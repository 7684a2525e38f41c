import Testing

@testable import SluiceSearch

@Suite("Domain-Ratio")
struct DomainRatioTests {
  /// The paper's raw scores and what it prints for them.
  @Test(
    "agrees with the paper's tables",
    arguments: [
      (["gsm8k": 0.5981, "MATH": 0.13], ["gsm8k": 0.5716, "MATH": 0.1282], 97.08),
      (["FiQA": 0.6852, "FPB": 0.6918], ["FiQA": 0.6468, "FPB": 0.6845], 96.65),
      (["gsm8k": 0.8081, "MATH": 0.2946], ["gsm8k": 0.7870, "MATH": 0.3024], 99.98),
    ])
  func paper(dense: [String: Double], scores: [String: Double], percent: Double) throws {
    let ratio = DomainRatio(dense: TaskScores(dense))
    let value = try #require(ratio.value(of: TaskScores(scores)))
    #expect(abs(value * 100 - percent) < 0.011)
  }

  @Test("of the dense model itself is 1, of a task that is lost 0, and above 1 is possible")
  func edges() {
    let dense = TaskScores(["a": 0.5, "b": 0.25])
    let ratio = DomainRatio(dense: dense)
    #expect(ratio.value(of: dense) == 1)
    #expect(ratio.value(of: TaskScores(["a": 0, "b": 1])) == 0)
    #expect(ratio.value(of: TaskScores(["a": -1, "b": -1])) == 0)
    #expect(ratio.value(of: TaskScores(["a": 1, "b": 0.5, "c": 7])) == 2)
    #expect(ratio.value(of: TaskScores(["a": 1])) == nil)
    #expect(DomainRatio(dense: TaskScores(["a": 0.3])).value(of: TaskScores(["a": 0.6])) == 2)
  }

  @Test("tasks that the dense model cannot do are left out, and said")
  func denseZero() {
    let check = ScoreCheck(dense: TaskScores(["a": 0.5, "b": 0, "c": -1, "d": .nan]))
    #expect(check.ratio.dense == ["a": 0.5])
    #expect(check.problem == nil)
    #expect(check.warnings.count == 3)
    #expect(check.warnings[0].contains("score of 0 in task b"))
    #expect(ScoreCheck(dense: TaskScores(["a": 0])).problem == .noTask)
    #expect(ScoreCheck(dense: TaskScores([:])).problem == .noTask)
  }

  @Test("chosen tasks alone count; a chosen one that is not there is said")
  func chosen() {
    let check = ScoreCheck(dense: TaskScores(["a": 0.5, "b": 0]), tasks: ["a", "z"])
    #expect(check.ratio.dense == ["a": 0.5])
    #expect(check.warnings == ["the evaluator has no task z; it is left out"])
  }

  @Test("a task that vanishes is a failure, one that appears is said and does not count")
  func tasksChange() throws {
    let check = ScoreCheck(dense: TaskScores(["a": 0.5, "b": 0.5]))
    let vanished = check.domainRatio(of: TaskScores(["a": 0.5]))
    #expect(vanished.result == .failure(ScoreCheck.Missing(tasks: ["b"])))
    let more = check.domainRatio(of: TaskScores(["a": 0.5, "b": 0.5, "c": 1]))
    #expect(more.result == .success(1))
    #expect(more.warnings == ["task c has no score of the dense model: it does not count"])
  }

  @Test("a score that is no finite number counts as 0", arguments: [Double.nan, .infinity, -1])
  func notANumber(score: Double) {
    let check = ScoreCheck(dense: TaskScores(["a": 0.5, "b": 0.5]))
    let (result, warnings) = check.domainRatio(of: TaskScores(["a": score, "b": 0.5]))
    #expect(result == .success(0))
    #expect(warnings.count == 1)
    #expect(warnings.first?.hasSuffix("counts as 0") == true)
  }
}
