import ArgumentParser
import Platform
import Suite

/// `bench table`: results as text.
struct TableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "table",
    abstract: "Shows results of 'bench run', or writes them into a README.",
    discussion: """
      With --readme the tables replace what stands between two comments, of which the first says where they come \
      from. Nothing is measured.
      """)

  @Option(help: "File of results that 'bench run' kept.") var results: String
  @Option(help: "File whose tables are replaced; without it they are only shown.")
  var readme: String?
  @Flag(help: "Write all scenarios, not only those that a README needs.") var all = false

  func run() throws {
    let kept = try Results(json: JSON(parsing: File.contents(of: results)))
    guard let readme else { return print(kept.tables(of: Scenario.all)) }
    let text = String(decoding: try File.contents(of: readme), as: UTF8.self)
    try File.replaceWhole(readme, with: ReadmeTable(kept, showsAll: all).replacing(in: text))
  }
}
