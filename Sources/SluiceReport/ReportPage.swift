internal import SluiceCore
internal import SluiceFormats
package import SluicePipeline
internal import SluiceSearch

/// A page of pictures about a merge or a search, in one file that needs no other.
package struct ReportPage: Sendable {
  /// What a page can be about.
  package enum Subject: String, Sendable, Hashable {
    /// A merge, by its `sluice-report.json`.
    case merge
    /// A search, by its `search.json`.
    case search
  }

  /// The names of the files that pages are made from.
  static let mergeName = MergeReport.fileName
  static let searchName = SearchResult.fileName

  /// What the page is about.
  package let subject: Subject
  /// The file that it is made from.
  package let source: String
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
    case .merge:
      let facts = try ReportedMerge(source)
      bytes = MergePage(facts: facts, dimensions: try dimensions(facts), path: source).text
    }
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
