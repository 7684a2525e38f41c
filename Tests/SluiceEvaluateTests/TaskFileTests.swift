import SluiceCore
import Testing

@testable import SluiceEvaluate

/// Task files, good and hostile.
@Suite("Task files") struct TaskFileTests {
  private func read(_ text: String) throws -> TaskFile {
    try TaskFile(Array(text.utf8), path: "folder/sums.jsonl")
  }

  @Test("examples keep their lines, and blank lines are none") func lines() throws {
    let task = try read(
      "{\"tokens\":{\"5\":\"five\"}}\n\n{\"prompt\":[1,5],\"answer\":[2]}\r\n"
        + "{\"id\":7,\"prompt\":[1],\"answer\":[3,4]}")
    #expect(task.name == "sums")
    #expect(task.examples.map(\.line) == [3, 4])
    #expect(task.examples[1].answers == [[3, 4]])
    #expect(task.tokens == [5: "five"])
  }

  @Test(
    "each error names the file and the line",
    arguments: [
      ("", "no example"), ("[1]", "no JSON object"), ("{\"prompt\":[1]", "line 1"),
      ("{\"answer\":[1]}", "no prompt"), ("{\"prompt\":[],\"answer\":[1]}", "prompt is empty"),
      ("{\"prompt\":[1],\"answer\":[]}", "answer is empty"), ("{\"prompt\":[1]}", "neither"),
      ("{\"prompt\":\"a\",\"answer\":[1]}", "is a text"),
      ("{\"prompt\":[1.5],\"answer\":[1]}", "no token id"),
      ("{\"prompt\":[-1],\"answer\":[1]}", "no token id"),
      ("{\"prompt\":[99999999999],\"answer\":[1]}", "no token id"),
      ("{\"prompt\":[1],\"prompt\":[1],\"answer\":[1]}", "twice"),
      ("{\"prompt\":[1],\"choices\":[[1]],\"index\":0}", "fewer than two"),
      ("{\"prompt\":[1],\"choices\":[[1],[]],\"index\":0}", "choice 1 is empty"),
      ("{\"prompt\":[1],\"choices\":[[1],[2]],\"index\":2}", "which of the 2"),
      ("{\"prompt\":[1],\"choices\":[[1],[2]]}", "which of the 2"),
      ("{\"prompt\":[1],\"choices\":[[1],[2]],\"index\":0,\"lengths\":[1]}", "as many lengths"),
      ("{\"prompt\":[1],\"choices\":[[1],[2]],\"index\":0,\"lengths\":[1,0]}", "above 0"),
      (
        "{\"prompt\":[1],\"answer\":[1],\"choices\":[[1],[2]],\"index\":0}", "an answer and choices"
      ),
      (
        "{\"prompt\":[1],\"answer\":[1]}\n{\"prompt\":[1],\"choices\":[[1],[2]],\"index\":0}",
        "line 2"
      ),
    ])
  func hostile(_ text: String, _ part: String) throws {
    let error = try #require(throws: EvaluationError.self) { try read(text) }
    #expect(error.failure.message.contains(part), "\(error.failure.message)")
    #expect(error.failure.subject.file == "folder/sums.jsonl")
    #expect(error.failure.exitCode == .badInput)
  }

  @Test("ids out of range name the line") func range() throws {
    let task = try read("{\"prompt\":[1],\"answer\":[2]}\n{\"prompt\":[1],\"answer\":[61]}")
    try task.checkTokens(62)
    let error = try #require(throws: EvaluationError.self) { try task.checkTokens(61) }
    #expect(error.failure.message.hasPrefix("line 2: the token id 61"))
  }
}
