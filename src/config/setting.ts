import { parseUrl } from './parse.ts';

/**
 * A setting is data: the variable, what it is, what it expects, its default as
 * somebody would write it, and how it is read. `docs/reference/configuration.md` lists the same, and a test compares them.
 */
export interface Setting<T> {
  readonly variable: string;
  readonly about: string;
  readonly expects: string;
  /** As somebody would write it; absent when there is no value without the variable. */
  readonly default?: string;
  /** A value that is never shown. */
  readonly secret?: true;
  /** Returns undefined for what can't be used, or throws an error that says why. */
  readonly parse: (text: string) => T | undefined;
}

export interface RequiredSetting<T> extends Setting<T> {
  readonly default: string;
}

/** Gives a setting its type without losing whether it has a default. */
export const required = <T>(setting: RequiredSetting<T>): RequiredSetting<T> => setting;

export const optional = <T>(setting: Omit<Setting<T>, 'default'>): Setting<T> => setting;

export const url = (variable: string, about: string) =>
  optional<string>({ variable, about, expects: 'an http or https URL', parse: parseUrl });

/** What the settings come to. */
export type Values<S> = { readonly [K in keyof S]: ValueOf<S[K]> };

type ValueOf<S> = S extends RequiredSetting<infer T> ? T : S extends Setting<infer T> ? T | undefined : never;
