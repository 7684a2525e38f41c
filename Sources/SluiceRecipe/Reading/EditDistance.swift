/// Finds the word that somebody meant.
package enum ClosestWord {
  private static let longest = 100
  private static let mostListed = 100

  /// The word of a list that is closest to another, if it is close enough to have been meant.
  package static func to(_ word: String, among words: [String]) -> String? {
    // Nobody mistypes a word of this length, and comparing takes the product of the lengths.
    guard word.utf8.count <= longest else { return nil }
    let words = words.filter { $0.utf8.count <= longest }
    let limit = max(1, word.count / 3)
    let near = words.map { (distance(word.lowercased(), $0.lowercased()), $0) }
      .min { $0.0 < $1.0 }
    guard let near else { return nil }
    if near.0 <= limit { return near.1 }
    // A piece of a word, such as rate for pruning-rate.
    return words.first { word.count >= 4 && $0.contains(word.lowercased()) }
  }

  /// What to say about a word that is not in a list.
  package static func remedy(for word: String, among words: [String]) -> String {
    let more = words.count > mostListed ? ", and \(words.count - mostListed) more" : ""
    let list = words.prefix(mostListed).joined(separator: ", ") + more
    if let near = to(word, among: words) { return "Did you mean \(near)? Known are: \(list)." }
    return "Known are: \(list)."
  }

  /// The number of letters to insert, remove, replace or swap with a neighbour.
  static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.unicodeScalars), Array(b.unicodeScalars))
    var before: [Int] = []
    var previous = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var best = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
        row.append(best)
      }
      (before, previous) = (previous, row)
    }
    return previous[b.count]
  }
}
