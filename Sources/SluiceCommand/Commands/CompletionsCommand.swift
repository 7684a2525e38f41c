internal import ArgumentParser

struct CompletionsCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "completions",
    abstract: "Write the completions of a shell: commands, options, values and files.",
    discussion: """
      Examples:
        sluice completions bash > ~/.local/share/bash-completion/completions/sluice
        sluice completions zsh > "${fpath[1]}/_sluice"
        sluice completions fish > ~/.config/fish/completions/sluice.fish
      """)

  /// The shells that there are completions for.
  enum Shell: String, CaseIterable, ExpressibleByArgument {
    case bash, zsh, fish
  }

  @Argument(help: "The shell.")
  var shell: Shell

  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    let shells: [Shell: CompletionShell] = [.bash: .bash, .zsh: .zsh, .fish: .fish]
    guard let shell = shells[shell] else { return }
    StandardOutput.write(SluiceCommand.completionScript(for: shell) + "\n")
  }
}
