import Foundation
import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceTestSupport
import Synchronization
import Testing

@testable import SluiceEvaluate

/// From tokens' probabilities to scores of tasks.
@Suite("Scores of tasks") struct ScoreTests {
  private func token(_ value: Double, _ isGreedy: Bool = false) -> TokenScore {
    TokenScore(logProbability: value, isGreedy: isGreedy)
  }

  @Test("answers: losses by token, errors by example, exact only where each token is greedy")
  func answers() throws {
    let task = try TaskFile(
      Array("{\"prompt\":[1],\"answer\":[2,3]}\n{\"prompt\":[1],\"answer\":[2]}".utf8), path: "t")
    let batch = TokenBatch([task])
    let scores = batch.taskScores(
      [task], [token(-1, true), token(-2, false), token(-0.5, true)])
    #expect(scores[0].loss.value == 3.5 / 3)
    // Residuals are 3 - 2 * 3.5 / 3 and 0.5 - 3.5 / 3.
    let rest = 3 - 7.0 / 3
    let expected = (2 * rest * rest / 2).squareRoot() * 2 / 3
    #expect(abs(try #require(scores[0].loss.error) - expected) < 1e-12)
    #expect(abs(scores[0].perplexity.value - exp(3.5 / 3)) < 1e-12)
    #expect(scores[0].exactMatch?.value == 0.5 && scores[0].exactMatch?.error == 0.5)
    #expect(scores[0].score == 0.5 && scores[0].accuracy == nil)
  }

  @Test("choices: by sum and by length, the first of equals") func choices() throws {
    let task = try TaskFile(
      Array(
        """
        {"prompt":[1],"choices":[[2],[3,4]],"index":1}
        {"prompt":[1],"choices":[[2],[3]],"index":0}
        {"prompt":[1],"choices":[[2],[3]],"index":1,"lengths":[1,4]}
        """.utf8), path: "t")
    let batch = TokenBatch([task])
    let scores = batch.taskScores(
      [task],
      [token(-1), token(-0.75), token(-0.75), token(-1), token(-1), token(-1), token(-2)])
    #expect(scores[0].examples.map(\.chosen) == [0, 0, 0])
    #expect(scores[0].examples.map(\.chosenByLength) == [1, 0, 1])
    #expect(abs(try #require(scores[0].accuracy).value - 1.0 / 3) < 1e-12)
    #expect(scores[0].accuracyByLength?.value == 1)
    #expect(scores[0].examples[0].loss == 1.5)
  }
}
