internal import ArgumentParser
internal import Glibc
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRun
internal import SluiceStore
internal import SluiceRecipe

struct VerifyCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check a merged model or a store against the hashes in it.")

  private static let shownDifferences = 20

  @Argument(help: "The directory of the merged model or store.", completion: .directory)
  var model: String

  @Option(
    name: [.customShort("j"), .customLong("threads")],
    help: "How many threads hash; the number of processors if not given.")
  var threads: Int?

  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    OpenFileLimit.raise()
    let count = threads ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    guard (1...1024).contains(count) else {
      throw UsageError("the number of threads must lie in 1 ... 1024; it is \(count)")
    }
    if let store = try DeltaStore.open(model) {
      let list = try StoreContents(store, checksFrames: true)
      StandardOutput.write(
        output.isJSON
          ? JSONLine.text { json in
            json.member("event", .string("verified"))
            json.member("model", .string(model))
            json.member("isIntact", .bool(true))
            json.member("tensors", .integer(list.tensors.count))
            json.member("bytes", .integer(list.byteCount))
          } : "\(list.tensors.count) tensors, \(ByteCount(list.byteCount)): every frame is sound\n")
      return
    }
    let progress = ProgressMeter()
    let display = try ProgressDisplay(progress, options: output)
    defer { display.stop() }
    let result = try CheckpointVerifier(model, threads: count, progress: progress).verify()
    display.stop()
    show(result)
    guard !result.differences.isEmpty else { return }
    let places = result.differences.count == 1 ? "1 place" : "\(result.differences.count) places"
    throw PipelineError.badInput(
      "the model is not what was written, in \(places)", file: model,
      remedy: "Copy it again, or merge it again into another directory.")
  }

  private func show(_ result: CheckpointVerifier.Result) {
    if output.isJSON {
      StandardOutput.write(json(result))
      return
    }
    for difference in result.differences.prefix(VerifyCommand.shownDifferences) {
      StandardError.writeLine("difference: \(difference.subject): \(difference.message)")
    }
    let more = result.differences.count - VerifyCommand.shownDifferences
    if more > 0 { StandardError.writeLine("difference: and \(more) more, listed with --json") }
    guard result.differences.isEmpty else { return }
    let files = result.fileCount == 1 ? "1 file" : "\(result.fileCount) files"
    StandardOutput.write(
      "\(result.tensorCount) tensors in \(files), \(ByteCount(result.byteCount)): "
        + "all as the report says\n")
  }

  private func json(_ result: CheckpointVerifier.Result) -> String {
    JSONLine.text { json in
      json.member("event", .string("verified"))
      json.member("model", .string(model))
      json.member("isIntact", .bool(result.differences.isEmpty))
      json.member("files", .integer(result.fileCount))
      json.member("tensors", .integer(result.tensorCount))
      json.member("bytes", .integer(result.byteCount))
      json.key("differences")
      json.beginArray()
      for difference in result.differences {
        json.beginObject()
        if let file = difference.subject.file { json.member("file", .string(file)) }
        if let tensor = difference.subject.tensor { json.member("tensor", .string(tensor)) }
        if let range = difference.subject.byteRange {
          json.member("firstByte", .integer(range.lowerBound))
          json.member("endByte", .integer(range.upperBound))
        }
        json.member("message", .string(difference.message))
        json.endObject()
      }
      json.endArray()
    }
  }
}
