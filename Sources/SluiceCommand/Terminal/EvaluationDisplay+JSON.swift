internal import SluiceCore
internal import SluiceEvaluate
internal import SluiceFormats

extension EvaluationDisplay {
  /// One object for each model.
  static func json(_ result: EvaluationResult, librarySpeed: Double) -> String {
    result.models.map { model in
      JSONLine.text { json in
        json.member("event", "evaluation")
        json.member("model", model.name)
        json.member("path", model.path)
        json.key("tasks")
        json.beginObject()
        for task in model.tasks {
          json.key(named: task.name)
          write(task, to: &json)
        }
        json.endObject()
        json.member("bytesRead", result.bytesRead)
        json.member("operations", result.operations)
        json.member("operationsPerSecond", result.productSpeed)
        json.member("libraryOperationsPerSecond", librarySpeed)
        json.member("seconds", result.seconds)
        json.member("peakMemory", result.peakBytes)
      }
    }.joined()
  }

  private static func write(_ task: TaskScore, to json: inout JSONWriter) {
    json.beginObject()
    json.member("score", task.score)
    json.member("examples", task.examples.count)
    json.member("tokens", task.tokenCount)
    member("loss", task.loss, to: &json)
    member("perplexity", task.perplexity, to: &json)
    member("exactMatch", task.exactMatch, to: &json)
    member("accuracy", task.accuracy, to: &json)
    member("accuracyByLength", task.accuracyByLength, to: &json)
    json.endObject()
  }

  private static func member(_ key: String, _ figure: ScoreFigure?, to json: inout JSONWriter) {
    guard let figure else { return }
    json.member(named: key, .double(figure.value))
    json.member(named: "\(key)Error", figure.error.map { .double($0) } ?? .null)
  }

  /// One object for each example of each model.
  static func examples(_ result: EvaluationResult) -> [UInt8] {
    var text = ""
    for model in result.models {
      for task in model.tasks {
        for (line, example) in zip(task.lines, task.examples) {
          text += JSONLine.text { json in
            json.member("model", model.name)
            json.member("task", task.name)
            json.member("line", line)
            json.member("loss", example.loss / Double(example.tokenCount))
            json.member("tokens", example.tokenCount)
            guard task.isChoice else {
              json.member("isExactMatch", example.areGreedy[0])
              return
            }
            json.key("logLikelihoods")
            json.beginArray(isOnOneLine: true)
            for value in example.logLikelihoods { json.value(.double(value)) }
            json.endArray()
            json.member("right", example.right)
            json.member("chosen", example.chosen)
            json.member("chosenByLength", example.chosenByLength)
          }
        }
      }
    }
    return Array(text.utf8)
  }
}
