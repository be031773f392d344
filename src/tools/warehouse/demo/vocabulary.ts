/** The words that the demo workspace is made of. Every company, person and product is invented. */

export const regions = ['West', 'Central', 'East', 'EMEA', 'APAC'] as const;

/** Countries by region, with the spellings that people use. */
export const countries: Readonly<Record<string, readonly string[]>> = {
  West: ['United States', 'United States', 'USA', 'Canada'],
  Central: ['United States', 'United States', 'US', 'Mexico'],
  East: ['United States', 'United States', 'USA', 'Canada'],
  EMEA: ['United Kingdom', 'Germany', 'France', 'Netherlands', 'Sweden', 'UK'],
  APAC: ['Australia', 'Japan', 'Singapore', 'India'],
};

export const nameBeginnings = [
  'Alder',
  'Amberly',
  'Arden',
  'Ashfield',
  'Barrow',
  'Beckwith',
  'Birchwood',
  'Brackley',
  'Bramble',
  'Calder',
  'Carrick',
  'Cinder',
  'Clearwater',
  'Copperline',
  'Corvid',
  'Dunmore',
  'Eastgate',
  'Elmhurst',
  'Fairlight',
  'Fenwick',
  'Foxglove',
  'Glenmoor',
  'Granite',
  'Greyfriar',
  'Halden',
  'Harrow',
  'Hartwell',
  'Hollins',
  'Ironbridge',
  'Juniper',
  'Kestrel',
  'Kingsway',
  'Lantern',
  'Larkspur',
  'Linden',
  'Lowell',
  'Marlow',
  'Meridian',
  'Millrace',
  'Mossgate',
  'Northwind',
  'Oakham',
  'Orchard',
  'Osprey',
  'Pemberton',
  'Quarry',
  'Ravenhill',
  'Redfern',
  'Ridgeway',
  'Rowan',
  'Saltmarsh',
  'Sedge',
  'Silverton',
  'Stonebridge',
  'Swift',
  'Tarn',
  'Thistle',
  'Umber',
  'Vale',
  'Wexford',
  'Whitlock',
  'Yarrow',
] as const; // prettier-ignore

/** Second words of a company name, with what such a company does. */
export const nameEndings = [
  ['Foods', 'Retail'],
  ['Markets', 'Retail'],
  ['Outfitters', 'Retail'],
  ['Rail', 'Transportation'],
  ['Logistics', 'Transportation'],
  ['Freight', 'Transportation'],
  ['Health', 'Healthcare'],
  ['Clinics', 'Healthcare'],
  ['Biosciences', 'Healthcare'],
  ['Systems', 'Technology'],
  ['Software', 'Technology'],
  ['Data', 'Technology'],
  ['Networks', 'Technology'],
  ['Bank', 'Financial Services'],
  ['Capital', 'Financial Services'],
  ['Insurance', 'Financial Services'],
  ['Energy', 'Energy'],
  ['Power', 'Energy'],
  ['Works', 'Manufacturing'],
  ['Instruments', 'Manufacturing'],
  ['Components', 'Manufacturing'],
  ['Media', 'Media'],
  ['Studios', 'Media'],
  ['Learning', 'Education'],
] as const;

export const legalSuffixes = [
  ['', 6],
  [' Inc', 3],
  [' Ltd', 2],
  [' LLC', 1],
  [' GmbH', 0.6],
  [' Group', 1],
] as const;

/** How some people write an industry. */
export const industrySpellings: Readonly<Record<string, readonly string[]>> = {
  Technology: ['technology', 'Tech', 'technolgy'],
  Healthcare: ['Health Care', 'healthcare'],
  'Financial Services': ['Finance', 'Financial services', 'FinServ'],
  Manufacturing: ['manufacturing', 'Mfg'],
  Retail: ['retail'],
  Transportation: ['Transport', 'Transportation & Logistics'],
};

export const segments = [
  ['SMB', 5],
  ['Mid-Market', 3.5],
  ['Enterprise', 1.8],
] as const;
export type Segment = (typeof segments)[number][0];

/** Per segment: typical people, typical deal in list prices, typical days from first talk to signature. */
export const segmentSizes: Readonly<
  Record<Segment, { employees: number; dealFactor: number; cycleDays: number; dailyUnits: number }>
> = {
  SMB: { employees: 60, dealFactor: 0.5, cycleDays: 32, dailyUnits: 120 },
  'Mid-Market': { employees: 600, dealFactor: 1.6, cycleDays: 58, dailyUnits: 900 },
  Enterprise: { employees: 6_000, dealFactor: 6, cycleDays: 104, dailyUnits: 6_500 },
};

export const products = [
  { product_id: 'PRD-01', name: 'Relay Core', family: 'Relay', list_price: 12_000 },
  { product_id: 'PRD-02', name: 'Relay Plus', family: 'Relay', list_price: 24_000 },
  { product_id: 'PRD-03', name: 'Relay Enterprise', family: 'Relay', list_price: 60_000 },
  { product_id: 'PRD-04', name: 'Beacon Analytics', family: 'Beacon', list_price: 18_000 },
  { product_id: 'PRD-05', name: 'Beacon Live', family: 'Beacon', list_price: 30_000 },
  { product_id: 'PRD-06', name: 'Courier Sync', family: 'Courier', list_price: 9_000 },
  { product_id: 'PRD-07', name: 'Launch Package', family: 'Services', list_price: 6_500 },
] as const;

export const firstNames = [
  'Amara',
  'Anders',
  'Beatriz',
  'Callum',
  'Chidi',
  'Dana',
  'Elif',
  'Emeka',
  'Farah',
  'Gideon',
  'Hana',
  'Ines',
  'Jonas',
  'Kavya',
  'Leila',
  'Mateo',
  'Mina',
  'Niamh',
  'Oskar',
  'Priya',
  'Quentin',
  'Rosa',
  'Sanjay',
  'Tessa',
  'Umar',
  'Vera',
  'Wen',
  'Yusuf',
  'Zofia',
  'Tomas',
] as const; // prettier-ignore

export const lastNames = [
  'Abara',
  'Bergström',
  'Castellan',
  'Devane',
  'Eklund',
  'Farrow',
  'Galbraith',
  'Haddad',
  'Iyer',
  'Jansen',
  'Kowal',
  'Lindqvist',
  'Marchetti',
  'Nakata',
  'Okafor',
  'Pellegrin',
  'Quill',
  'Rahman',
  'Sorensen',
  'Takeda',
  'Ueda',
  'Varga',
  'Whitaker',
  'Yilmaz',
  'Zeller',
  'O’Dowd',
  'de Vries',
  'Sinclair',
] as const; // prettier-ignore

export const jobTitles = [
  'VP Operations',
  'Head of Data',
  'IT Director',
  'Chief Information Officer',
  'Operations Manager',
  'Data Analyst',
  'Director of Engineering',
  'Procurement Manager',
  'Head of Customer Success',
  'Student',
  'Consultant',
  'Revenue Operations Lead',
] as const; // prettier-ignore

export const lossReasons = [
  ['Price', 4],
  ['No decision', 4],
  ['Lost to competitor', 3],
  ['Missing feature', 2],
  ['Budget cut', 2],
  ['Champion left', 1],
] as const;

export const leadSources = [
  ['Website', 5],
  ['Referral', 3],
  ['Outbound', 4],
  ['Event', 2],
  ['Partner', 2],
  ['webinar', 1],
] as const;

export const nextSteps = [
  'Send revised proposal',
  'Security review with their IT',
  'Demo for the wider team',
  'Waiting for legal',
  'Meet the economic buyer',
  'Agree on success criteria for the pilot',
  'Reference call with a customer of the same industry',
  'tbd',
] as const;
