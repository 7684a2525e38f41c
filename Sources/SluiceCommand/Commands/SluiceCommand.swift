internal import ArgumentParser
internal import SluiceCore

@main
struct SluiceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sluice",
    abstract: "Merge fine-tuned language models that are larger than RAM.",
    discussion: """
      sluice prunes each fine-tune's changes by their significance, amplifies what is left, and \
      merges them into the base (DPPA with TIES), streaming from disk to disk in the memory you \
      allow it.
      """,
    version: SluiceVersion.current,
    subcommands: [
      MergeCommand.self, FoldCommand.self, RunCommand.self, PlanCommand.self, PruneCommand.self,
      SearchCommand.self, OffsetsCommand.self, ReportCommand.self, InspectCommand.self,
      VerifyCommand.self, StatusCommand.self, MethodsCommand.self, DemoCommand.self,
    ])

  static func main() { Exit.run { try SluiceCommand.parseAsRoot() } }
}
