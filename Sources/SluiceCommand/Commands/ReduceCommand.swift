internal import ArgumentParser
internal import SluiceCore
internal import SluiceFormats
internal import SluiceRecipe
internal import SluiceRun

struct ReduceCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "reduce",
    abstract: "Put together what all shares of a phase found.",
    discussion: """
      A merge whose rates depend on all layers is surveyed first; this makes the rates of what all shares \
      found, and is needed once, between the two phases. A merge of one phase does not need it.

      Example:
        sluice reduce merged
      """)

  @Argument(help: "The --out of prepare.", completion: .directory)
  var out: String

  @OptionGroup(title: "Where models lie") var places: RecipePlaces
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    OpenFileLimit.raise()
    guard let run = try SharedRun.open(out) else { return ShareText.writeFinished(out, output) }
    var isNew = false
    if run.phases.contains(.survey), try !run.isReduced(.survey) {
      try run.checkAll(.survey)
      let plan = try run.plan(try places.apply(to: run.recipe), LaneControls.standard)
      try ShareReduction(plan).run()
      isNew = true
    }
    let what = isNew ? "the survey is put together" : "there is nothing to put together"
    ShareText.write("\(out): \(what)", output, event: "reduced") { json in
      json.member("out", .string(out))
      json.member("isNew", .bool(isNew))
    }
  }
}
