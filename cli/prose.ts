/**
 * Text written in lines of source, as paragraphs: a line break between two words becomes a blank, so that help is
 * broken where the terminal ends. Blank lines, and lines that begin with blanks, stay.
 */
export const prose = (text: string): string => text.replace(/(\S)\n(?=\S)/g, '$1 ');
