internal import ArgumentParser
internal import CSluiceSystem
internal import SluiceCore
internal import SluiceFormats

@main
struct SluiceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sluice",
    abstract: "Merge fine-tuned language models that are larger than RAM.",
    discussion: """
      sluice prunes each fine-tune's changes by their significance, amplifies what is left, and \
      merges them into the base (DPPA with TIES), streaming from disk to disk in the memory you \
      allow it.

      Examples:
        sluice demo
        sluice merge --base llama --model llama-math --model llama-law -o merged
        sluice run recipe.yaml merged
        sluice report merged --html merged.html
      """,
    version: VersionText.text,
    groupedSubcommands: [
      CommandGroup(
        name: "Merge",
        subcommands: [
          MergeCommand.self, FoldCommand.self, RunCommand.self, PlanCommand.self, PruneCommand.self,
          SearchCommand.self, MergekitCommand.self,
        ]),
      CommandGroup(
        name: "Merge on many machines",
        subcommands: [
          PrepareCommand.self, WorkCommand.self, ReduceCommand.self, FinishCommand.self,
          JobsCommand.self,
        ]),
      CommandGroup(
        name: "Look",
        subcommands: [
          EvaluateCommand.self, CollectCommand.self, OffsetsCommand.self, ReportCommand.self,
          InspectCommand.self,
          VerifyCommand.self,
          StatusCommand.self,
        ]),
      CommandGroup(
        name: "Learn",
        subcommands: [
          MethodsCommand.self, DemoCommand.self, CompletionsCommand.self, ManualCommand.self,
        ]),
    ])

  static func main() {
    sluice_restore_processors()
    ProcessMemory.setUpHeaps()
    Exit.run { try SluiceCommand.parseAsRoot(try CommandLineCheck.arguments()) }
  }
}
