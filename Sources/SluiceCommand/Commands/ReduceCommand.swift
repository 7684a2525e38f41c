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
      What depends on all tensors takes phases before the merge: a survey for rates, a trim of whole \
      models, a majority. This makes of what all shares found in one what the next needs, and is needed once \
      behind each phase but the last. A merge of one phase does not need it.

      Example:
        sluice reduce merged --phase survey
      """)

  @Argument(help: "The --out of prepare.", completion: .directory)
  var out: String

  @Option(help: "Which phase; the first that is not put together if not given.")
  var phase: SharePhase?

  @OptionGroup(title: "Where models lie") var places: RecipePlaces
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    OpenFileLimit.raise()
    guard let run = try SharedRun.open(out) else { return ShareText.writeFinished(out, output) }
    if let phase { try ShareText.check(phase, of: run, out) }
    let next = try phase ?? run.phases.first { try !run.isReduced($0) }
    let isNew = try next.map { try !run.isReduced($0) } ?? false
    if let next, isNew {
      // Before the models are looked at, which takes longer.
      try run.checkAll(next)
      let plan = try run.plan(
        try places.apply(to: run.recipe), LaneControls.standard, share: nil)
      try ShareReduction(plan, next).run()
    }
    let what =
      isNew
      ? "the \(next?.rawValue ?? "") is put together" : "there is nothing to put together"
    ShareText.write("\(out): \(what)", output, event: "reduced") { json in
      json.member("out", .string(out))
      json.member("phase", next.map { .string($0.rawValue) } ?? .null)
      json.member("isNew", .bool(isNew))
    }
  }
}
