internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
package import SluiceRun
internal import SluiceSearch

/// A page of pictures about a merge or a search, in one file that needs no other.
package struct ReportPage: Sendable {
  /// What a page can be about.
  package enum Subject: String, Sendable, Hashable {
    /// A merge, by its `sluice-report.json`.
    case merge
    /// A search, by its `search.json`.
    case search
    /// Two merges beside each other, by their `sluice-report.json`.
    case comparison
  }

  /// The names of the files that pages are made from.
  static let mergeName = RunFile.report
  static let searchName = SearchResult.fileName

  /// What the page is about.
  package let subject: Subject
  /// The file that it is made from.
  package let source: String
  /// The file of the merge that is compared with it.
  package private(set) var other: String?
  /// The page: HTML in UTF-8.
  package let bytes: [UInt8]

  /// Makes a page.
  ///
  /// - Parameters:
  ///   - path: The output of a merge or of a search, or the file in it.
  ///   - dimensions: Gives what was counted over the dimensions of a merge's layers, by its report.
  /// - Throws: `ReportError` or `FormatError` if there is no report or it cannot be read.
  package init(
    _ path: String,
    dimensions: (ReportedMerge) throws -> DimensionFigures = { _ in
      .missing("base and models were not to be read")
    }
  ) throws {
    (subject, source) = try ReportPage.find(path)
    switch subject {
    case .search: bytes = SearchPage(facts: try SearchResult.read(source), path: source).text
    case .merge, .comparison:
      let facts = try ReportedMerge(source)
      bytes = MergePage(facts: facts, dimensions: try dimensions(facts), path: source).text
    }
  }

  /// Makes a page that compares two merges.
  ///
  /// - Parameters:
  ///   - first: The output of a merge, or the report in it.
  ///   - second: That of another.
  /// - Throws: `ReportError` or `FormatError` if there is no report or one cannot be read.
  package init(comparing first: String, _ second: String) throws {
    let sources = try [first, second].map { path in
      let (subject, source) = try ReportPage.find(path)
      guard subject == .merge else {
        throw ReportError.badInput(
          "a search cannot be compared with a merge", file: source,
          remedy: "Give the outputs of two merges.")
      }
      return source
    }
    subject = .comparison
    source = sources[0]
    other = sources[1]
    bytes =
      ComparisonPage(
        first: try ReportedMerge(sources[0]), second: try ReportedMerge(sources[1]),
        paths: (sources[0], sources[1])
      ).text
  }

  private static func find(_ path: String) throws -> (Subject, String) {
    guard let status = try FileStatus.of(path) else {
      throw ReportError.badInput("no such file or directory", file: path)
    }
    guard status.kind == .directory else {
      return (Directory.name(of: path) == searchName ? .search : .merge, path)
    }
    for (subject, name) in [(Subject.merge, mergeName), (.search, searchName)]
    where try FileStatus.of("\(path)/\(name)") != nil {
      return (subject, "\(path)/\(name)")
    }
    throw ReportError.badInput(
      "neither \(mergeName) nor \(searchName) is in it", file: path,
      remedy: "Give the --out of a merge or search that is finished.")
  }
}
