internal import ArgumentParser
internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceRun

struct FinishCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "finish",
    abstract: "End a merge whose shares are all done: give its files their names.",
    discussion: """
      Compares all that was recorded of the shares, writes the report, and gives the files their names, the \
      index last.

      Example:
        sluice finish merged
      """)

  @Argument(help: "The --out of prepare.", completion: .directory)
  var out: String

  @OptionGroup(title: "Where models lie") var places: RecipePlaces
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    OpenFileLimit.raise()
    guard let run = try SharedRun.open(out) else {
      try ShareFinish.tidy(out)
      return ShareText.writeFinished(out, output)
    }
    // Before the models are looked at, which takes longer.
    try run.checkAll(.merge)
    let plan = try run.plan(try places.apply(to: run.recipe), LaneControls.standard)
    let report: MergeReport?
    do { report = try ShareFinish(plan).run() } catch {
      // Somebody else finished it at the same time.
      guard case .finished = try? SharedRun.look(at: out) else { throw error }
      report = nil
    }
    guard let report else { return ShareText.writeFinished(out, output) }
    WarningDisplay.show(
      Array(report.warnings.dropFirst(plan.merge.warnings.count)), options: output)
    StandardOutput.write(
      output.isJSON
        ? MergeSummary.json(report, output: out) : MergeSummary.text(report, output: out))
  }
}
