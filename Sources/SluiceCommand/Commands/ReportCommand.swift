internal import ArgumentParser
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceRun
internal import SluiceReport

struct ReportCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Draw what a merge or a search did, on one page for a browser.",
    discussion: """
      Examples:
        sluice report merged --html merged.html
        sluice report merged other --html difference.html

      The page needs nothing but itself: no network, no script. Where in their matrices layers keep elements is \
      counted again from base and models, if these are still where the report says.
      """)

  @Argument(
    help: "The output of a merge or search, or the report in it; two merges are compared.",
    completion: .file())
  var paths: [String]

  @Option(
    help: ArgumentHelp("The page.", valueName: "file"), completion: .file(extensions: ["html"]))
  var html: String

  @Option(
    help: ArgumentHelp(
      "Layers to count by dimension; * stands for anything, the most significant kind if not given; none reads no model.",
      valueName: "pattern"))
  var dimensions: String?

  @OptionGroup(title: "What is shown") var output: OutputOptions

  func validate() throws {
    guard (1...2).contains(paths.count) else {
      throw ValidationError("Give the output of a merge or search, or of two merges")
    }
    guard paths.count == 1 || dimensions == nil else {
      throw ValidationError("--dimensions is for the page of one merge")
    }
  }

  func run() throws {
    let cancellation = Cancellation()
    try SignalWatch.start(stopping: cancellation)
    let page: ReportPage
    do {
      page =
        if paths.count == 2 {
          try ReportPage(comparing: paths[0], paths[1])
        } else if dimensions == "none" {
          try ReportPage(paths[0])
        } else {
          try ReportPage(paths[0]) { report in
            try DimensionFigures.read(report, pattern: dimensions) { try cancellation.check() }
          }
        }
    } catch let error where error is CancelledError {
      throw cancellation.error ?? error
    }
    // Never in the place of what the page is about.
    guard try FileStatus.of(html)?.kind != .directory else {
      throw UsageError("\(html.printable) is a directory", remedy: "Give --html a file.")
    }
    guard
      ![page.source, page.other ?? page.source].map(Directory.absolute).contains(
        Directory.absolute(html))
    else {
      throw UsageError(
        "the page would replace \(html.printable)", remedy: "Give --html another file.")
    }
    try AtomicFile.write(page.bytes, to: html)
    StandardOutput.write(
      output.isJSON
        ? JSONLine.text { json in
          json.member("event", .string("page"))
          json.member("subject", .string(page.subject.rawValue))
          json.member("source", .string(page.source))
          if let other = page.other { json.member("other", .string(other)) }
          json.member("html", .string(html))
          json.member("bytes", .integer(page.bytes.count))
        }
        : "\(html) (\(ByteCount(page.bytes.count))) shows the \(page.subject.rawValue) \(page.other.map { "of \(page.source) and \($0)" } ?? "in \(page.source)")\n"
    )
  }
}
