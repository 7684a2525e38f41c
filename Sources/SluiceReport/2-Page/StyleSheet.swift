/// How the page looks: one column that fits a phone, two where there is room.
///
/// It is light or dark as the reader has it. Colours of parts differ in lightness, too, so that they can be
/// told apart in grey.
enum StyleSheet {
  static let text = """

    :root { color-scheme: light dark; --page: #fcfcfa; --ink: #1c2024; --quiet: #5b636b; --rule: #d9dcdf;
      --card: #ffffff; --track: #eceef0; --cell: #0b5fa5; --part0: #0b4f8a; --part1: #6aaede;
      --part2: #d9822b; --part3: #8a6bb8; --part4: #93a1ad; --accent: #b3261e; }
    @media (prefers-color-scheme: dark) {
      :root { --page: #15181b; --ink: #e6e8ea; --quiet: #a3abb3; --rule: #363c42; --card: #1c2024;
        --track: #2a3036; --cell: #6db8f2; --part0: #8cc8f7; --part1: #3478ad; --part2: #e8a04f;
        --part3: #b49adf; --part4: #66727d; --accent: #ff8a80; } }
    * { box-sizing: border-box; }
    body { margin: 0 auto; padding: 20px 16px 48px; max-width: 1180px; background: var(--page); color: var(--ink);
      font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
    h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
    h2 { font-size: 1.2rem; margin: 36px 0 4px; border-top: 1px solid var(--rule); padding-top: 20px; }
    h3 { font-size: 1rem; margin: 20px 0 4px; overflow-wrap: anywhere; }
    h4 { font-size: .95rem; margin: 0 0 8px; overflow-wrap: anywhere; }
    p { margin: 6px 0; max-width: 72ch; overflow-wrap: anywhere; }
    .lead, .note, figcaption { color: var(--quiet); }
    .note, figcaption, details, td, th { font-size: .875rem; }
    .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 150px), 1fr)); gap: 12px;
      list-style: none; padding: 0; margin: 16px 0; }
    .cards li { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 12px 14px; margin: 0; }
    .cards strong { display: block; font-size: 1.5rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
    .cards span { color: var(--quiet); font-size: .875rem; }
    .warnings { border-left: 4px solid var(--part2); padding-left: 14px; margin: 16px 0; }
    .warnings h2 { border: 0; padding: 0; margin: 0; font-size: 1rem; }
    pre { background: var(--track); padding: 10px 14px; border-radius: 8px; margin: 6px 0; white-space: pre-wrap;
      overflow-wrap: anywhere; font-size: .875rem; }
    nav { margin: 12px 0; line-height: 1.9; } nav a { color: inherit; padding: 2px 6px; border: 1px solid var(--rule);
      border-radius: 4px; text-decoration: none; font-size: .875rem; font-variant-numeric: tabular-nums; }
    .row { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); gap: 16px;
      margin-top: 12px; align-items: start; }
    figure { margin: 0; padding: 14px; background: var(--card); border: 1px solid var(--rule);
      border-radius: 8px; min-width: 0; max-width: 580px; }
    figcaption { margin-top: 8px; overflow-wrap: anywhere; }
    svg { display: block; width: 100%; height: auto; }
    svg text { fill: var(--ink); font-family: inherit; }
    text.label, text.name, text.quiet { font-size: 9.5px; } text.name, text.quiet { fill: var(--quiet); }
    @media (max-width: 520px) { text.label, text.name, text.quiet { font-size: 12px; } }
    .cell { fill: var(--cell); } .minus { fill: var(--part2); } .track { fill: var(--track); }
    .part0 { fill: var(--part0); } .part1 { fill: var(--part1); } .part2 { fill: var(--part2); }
    .part3 { fill: var(--part3); } .part4 { fill: var(--part4); }
    .line0 { stroke: var(--part0); } .line1 { stroke: var(--part1); } .line2 { stroke: var(--part2); }
    .line3 { stroke: var(--part3); } .line4 { stroke: var(--part4); }
    .line0, .line1, .line2, .line3, .line4 { fill: none; stroke-width: 2; stroke-linejoin: round; }
    .ridge { fill: var(--cell); fill-opacity: .5; stroke: var(--cell); stroke-width: 1; stroke-linejoin: round; }
    .axis { stroke: var(--quiet); stroke-width: 1; } .grid { stroke: var(--rule); stroke-width: 1; }
    .mark { stroke: var(--accent); stroke-width: 2; }
    .path { fill: none; stroke: var(--quiet); stroke-width: 1; } .best { fill: none; stroke: var(--accent); stroke-width: 2.5; }
    .stair { fill: none; stroke: var(--part2); stroke-width: 2; }
    .missing { fill: none; stroke: var(--quiet); stroke-width: 1.5; }
    .scroll { overflow-x: auto; margin: 8px 0; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
    th, td { padding: 3px 10px 3px 0; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
    th:first-child, td:first-child { text-align: left; }
    details { margin-top: 8px; } summary { cursor: pointer; color: var(--quiet); }
    ul { padding-left: 20px; margin: 8px 0; } li { overflow-wrap: anywhere; margin: 4px 0; }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 12px 0; }
    dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
    @media print {
      :root { color-scheme: light; --page: #ffffff; --ink: #000000; --quiet: #444b52; --rule: #c4c9ce; --card: #ffffff;
        --track: #eceef0; --cell: #0b5fa5; --part0: #0b4f8a; --part1: #6aaede; --part2: #d9822b; --part3: #8a6bb8;
        --part4: #93a1ad; --accent: #b3261e; }
      body { max-width: none; padding: 0; font-size: 11pt; print-color-adjust: exact; } nav { display: none; }
      figure, tr, li { break-inside: avoid; } h2, h3, h4, summary { break-after: avoid; }
      .scroll { overflow: visible; } th, td { font-size: 7pt; padding-right: 5px; white-space: normal; }
      details::details-content { content-visibility: visible; display: block; height: auto; } }
    footer { margin-top: 40px; color: var(--quiet); font-size: .875rem; }

    """
}
